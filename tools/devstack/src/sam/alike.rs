//! What may differ between the answers of two stacks: ids, addresses, and when they were seeded.

use serde_json::Value;

/// What Stripe or we make up anew for each object.
const MADE_UP: [&str; 6] = ["requestId", "quote", "nextCursor", "number", "clientSecret", "handle"];

/// The body with what may differ named by its kind. Amounts, states and everything else stay.
pub(super) fn alike(body: &Value) -> Value {
    match body {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let is_made_up = MADE_UP.contains(&name.as_str()) && value.is_string();
                    let value = if is_made_up { name.as_str().into() } else { alike(value) };
                    (name.clone(), value)
                })
                .collect(),
        ),
        Value::Array(list) => list.iter().map(alike).collect(),
        Value::String(text) => kind(text).into(),
        other => other.clone(),
    }
}

fn kind(text: &str) -> String {
    if text.contains("://") {
        return "an address".to_owned();
    }
    let bytes = text.as_bytes();
    let is_date = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| {
            if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() }
        });
    if is_date {
        return if bytes.len() == 10 { "a day" } else { "a moment" }.to_owned();
    }
    match text.rsplit_once('_') {
        // Stripe's ids, and ours: what it is, `_`, and fourteen or more others.
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
    fn amounts_and_states_stay_and_ids_and_times_do_not() {
        let body = json!({
            "plan": "pro", "amount": "41.20", "at": "2026-06-28T09:30:00Z", "day": "2026-06-28",
            "list": [{ "id": "in_1QabcdefghijklmnO", "reason": "subscription_cycle", "n": null }],
            "url": "http://127.0.0.1:1/x", "quote": "abc", "session": "cs_test_0KsRDVwN6YLRRE6q",
        });
        let expected = json!({
            "plan": "pro", "amount": "41.20", "at": "a moment", "day": "a day",
            "list": [{ "id": "in_", "reason": "subscription_cycle", "n": null }],
            "url": "an address", "quote": "quote", "session": "cs_test_",
        });
        assert_eq!(alike(&body), expected);
    }
}
