//! Whole bodies are compared, so that a field added by accident fails too; what differs from run to
//! run stands in the expectation as a placeholder.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `<any>` | anything but null |
//! | `<text>` | a text that is not empty |
//! | `<cus_…>`, `<sub_…>` and so on | an id with that prefix |
//! | `<at>` | a moment: `2026-06-28T09:30:00Z` |
//! | `<day>` | a day: `2026-06-28` |
//! | `<url>` | an http or https URL |
//! | `<money>` | an amount: `41.20` |

use devstack::http::Answer;
use serde_json::Value;

/// The answer has this status and this very body.
#[track_caller]
pub(crate) fn expect(answer: &Answer, status: u16, body: &Value) {
    let actual = answer.json();
    let mut wrong = Vec::new();
    if answer.status != status {
        wrong.push(format!("the status is {}, not {status}", answer.status));
    }
    compare("body", &actual, body, &mut wrong);
    assert!(wrong.is_empty(), "\n  {}\nin {actual:#}\n", wrong.join("\n  "));
}

fn compare(place: &str, actual: &Value, expected: &Value, wrong: &mut Vec<String>) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (key, value) in expected {
                match actual.get(key) {
                    Some(actual) => compare(&format!("{place}.{key}"), actual, value, wrong),
                    None => wrong.push(format!("{place}.{key} is missing")),
                }
            }
            let unexpected = actual.keys().filter(|key| !expected.contains_key(*key));
            wrong.extend(unexpected.map(|key| format!("{place}.{key} is not expected")));
        }
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                compare(&format!("{place}[{index}]"), actual, expected, wrong);
            }
        }
        (Value::String(text), Value::String(pattern)) if matches(text, pattern) => {}
        (actual, Value::String(pattern)) if pattern == "<any>" && !actual.is_null() => {}
        (actual, expected) if actual == expected => {}
        (actual, expected) => wrong.push(format!("{place} is {actual}, not {expected}")),
    }
}

/// Whether a text is what the placeholder stands for, or the very same text.
fn matches(text: &str, pattern: &str) -> bool {
    // As in a date: digits where there are digits, the same characters elsewhere.
    let like = |form: &str| {
        let same = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
    };
    match pattern {
        "<any>" => true,
        "<text>" => !text.is_empty(),
        "<at>" => like("0000-00-00T00:00:00Z"),
        "<day>" => like("0000-00-00"),
        "<url>" => text.starts_with("http://") || text.starts_with("https://"),
        "<money>" => text
            .strip_prefix('-')
            .unwrap_or(text)
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())),
        _ => match pattern.strip_prefix('<').and_then(|rest| rest.strip_suffix("…>")) {
            Some(prefix) => text.len() > prefix.len() && text.starts_with(prefix),
            None => text == pattern,
        },
    }
}
