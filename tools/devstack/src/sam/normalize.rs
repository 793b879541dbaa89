//! Removes the parts of a response that differ between two stacks: IDs, URLs and times.

use serde_json::Value;

/// Fields with a value that is generated for each object.
const GENERATED: [&str; 6] =
    ["requestId", "quote", "nextCursor", "number", "clientSecret", "handle"];

/// Returns the body with generated values, IDs, URLs and times replaced by their kind.
pub(super) fn normalized(body: &Value) -> Value {
    match body {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let is_generated = GENERATED.contains(&name.as_str()) && value.is_string();
                    let value = if is_generated { name.as_str().into() } else { normalized(value) };
                    (name.clone(), value)
                })
                .collect(),
        ),
        Value::Array(list) => list.iter().map(normalized).collect(),
        Value::String(text) => kind(text).into(),
        other => other.clone(),
    }
}

fn kind(text: &str) -> String {
    if text.contains("://") {
        return "a URL".to_owned();
    }
    let bytes = text.as_bytes();
    let is_date = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| {
            if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() }
        });
    if is_date {
        return if bytes.len() == 10 { "a date" } else { "a time" }.to_owned();
    }
    match text.rsplit_once('_') {
        // IDs, Stripe's and ours: a prefix, `_`, and at least fourteen characters.
        Some((kind, rest)) if rest.len() >= 14 && !text.contains(' ') => {
            format!("{kind}_")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_states_are_kept_and_ids_and_times_replaced() {
        let body = json!({
            "plan": "pro", "amount": "41.20", "at": "2026-06-28T09:30:00Z", "day": "2026-06-28",
            "list": [{ "id": "in_1QabcdefghijklmnO", "reason": "subscription_cycle", "n": null }],
            "url": "http://127.0.0.1:1/x", "quote": "abc", "session": "cs_test_0KsRDVwN6YLRRE6q",
        });
        let expected = json!({
            "plan": "pro", "amount": "41.20", "at": "a time", "day": "a date",
            "list": [{ "id": "in_", "reason": "subscription_cycle", "n": null }],
            "url": "a URL", "quote": "quote", "session": "cs_test_",
        });
        assert_eq!(normalized(&body), expected);
    }
}
