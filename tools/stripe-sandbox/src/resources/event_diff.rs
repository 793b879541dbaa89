//! `previous_attributes` of events.

use serde_json::{Map, Value};

/// Returns the previous values of everything that changed, or None if nothing did. Nested hashes
/// contain only their changed keys, arrays are complete, and new keys are null.
pub fn previous_attributes(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| before.clone());
    };
    let mut changed = Map::new();
    for (key, value) in old {
        let now = new.get(key).unwrap_or(&Value::Null);
        changed.extend(previous_attributes(value, now).map(|value| (key.clone(), value)));
    }
    for (key, value) in new {
        if !old.contains_key(key) && !value.is_null() {
            changed.insert(key.clone(), Value::Null);
        }
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_attributes_are_returned() {
        let same = json!({ "a": 1, "b": { "c": [1, { "d": 2 }] } });
        for (before, after, expected) in [
            (same.clone(), same, None),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1, "b": 3 }), Some(json!({ "b": 2 }))),
            (
                json!({ "m": { "a": "1", "b": "2" } }),
                json!({ "m": { "a": "1", "b": "3", "c": "4" } }),
                Some(json!({ "m": { "b": "2", "c": null } })),
            ),
            (
                json!({ "items": { "data": [{ "q": 1 }, { "q": 2 }], "url": "/" } }),
                json!({ "items": { "data": [{ "q": 1 }, { "q": 3 }], "url": "/" } }),
                Some(json!({ "items": { "data": [{ "q": 1 }, { "q": 2 }] } })),
            ),
            (json!({ "a": { "b": 1 } }), json!({ "a": null }), Some(json!({ "a": { "b": 1 } }))),
            (json!({ "a": null }), json!({ "a": { "b": 1 } }), Some(json!({ "a": null }))),
            (json!({ "a": 1 }), json!({}), Some(json!({ "a": 1 }))),
        ] {
            assert_eq!(previous_attributes(&before, &after), expected, "{before} {after}");
        }
    }
}
