//! Comparison of whole bodies, which also fails on unexpected fields. Placeholders match values that differ between runs.
//!
//! | placeholder | matches |
//! |---|---|
//! | `<any>` | any value except null |
//! | `<text>` | a string that is not empty |
//! | `<cus_…>`, `<sub_…>` and so on | an ID with that prefix |
//! | `<at>` | a time: `2026-06-28T09:30:00Z` |
//! | `<day>` | a date: `2026-06-28` |
//! | `<url>` | an http or https URL |
//! | `<money>` | an amount: `41.20` |

use devstack::http::Response;
use serde_json::Value;

/// Asserts that the response has this status and body. A GET's body has the time of its headers too, and is not stale,
/// unless `body` says so. `body` can be that of an earlier response, whose times do not count.
#[track_caller]
pub(crate) fn expect(response: &Response, status: u16, body: &Value) {
    let (mut actual, body) = (response.json(), without_times(body));
    let mut wrong = Vec::new();
    let as_of = response.header("x-as-of");
    if let Some(fields) = actual.as_object_mut().filter(|_| !as_of.is_empty()) {
        if fields.remove("asOf") != Some(Value::from(as_of)) {
            wrong.push("asOf is not that of the header".to_owned());
        }
        if body.get("stale").is_none() && fields.remove("stale") != Some(Value::from(false)) {
            wrong.push("it is stale".to_owned());
        }
    }
    if response.status != status {
        wrong.push(format!("the status is {}, not {status}", response.status));
    }
    compare("body", &actual, &body, &mut wrong);
    assert!(wrong.is_empty(), "\n  {}\nin {actual:#}\n", wrong.join("\n  "));
}

/// Returns the body of a GET without the times at which it was true.
pub(crate) fn without_times(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("asOf");
    }
    if body["estimate"]["asOf"].is_string() {
        body["estimate"]["asOf"] = Value::from("<at>");
    }
    body
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

/// Returns whether the text equals the pattern or matches the placeholder.
fn matches(text: &str, pattern: &str) -> bool {
    // A `0` in the form matches any digit.
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
