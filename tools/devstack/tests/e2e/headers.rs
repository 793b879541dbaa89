//! The headers that every answer of a function has, whatever its status.

use devstack::http::Answer;

/// Panics if the contract's headers are not all there.
#[track_caller]
pub(crate) fn check(answer: &Answer) {
    let wrong = |what: &str| panic!("{what} in {:#?}\n{}", answer.headers, answer.body);
    for (name, value) in [("content-type", "application/json"), ("cache-control", "no-store")] {
        if answer.header(name) != value {
            wrong(&format!("{name} is not {value}"));
        }
    }
    for name in ["x-request-id", "content-type", "cache-control", "server-timing"] {
        if answer.headers.get_all(name).iter().count() != 1 {
            wrong(&format!("there is not one {name}"));
        }
    }
    if answer.header("x-request-id").is_empty() {
        wrong("x-request-id is empty");
    }
    if !is_timing(answer.header("server-timing")) {
        wrong("server-timing has another form");
    }
    let replayed = answer.header("idempotent-replayed") == "true";
    if answer.status >= 400 && !replayed {
        let body = answer.json();
        if body["requestId"] != answer.header("x-request-id") {
            wrong("x-request-id is not the body's requestId");
        }
    }
    if (answer.status == 401) != (answer.header("www-authenticate") == "Bearer") {
        wrong("www-authenticate goes with 401 and with nothing else");
    }
    // 409 has it where the first request with the same idempotency key still runs.
    let seconds = answer.header("retry-after").parse::<u32>().unwrap_or_default();
    if answer.status != 409 && matches!(answer.status, 429 | 503) != (seconds > 0) {
        wrong("retry-after goes with 429 and 503");
    }
}

/// `total;dur=12.3, auth;dur=0.4, stripe;dur=9.8;count=2`.
fn is_timing(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_duration = |part: &str, name: &str| {
        let number = part.strip_prefix(name).and_then(|rest| rest.strip_prefix(";dur="));
        let halves = number.and_then(|number| number.split_once('.'));
        halves.is_some_and(|(whole, part)| is_number(whole) && is_number(part))
    };
    let parts: Vec<&str> = text.split(", ").collect();
    let [total, auth, stripe] = parts[..] else { return false };
    let Some((stripe, count)) = stripe.split_once(";count=") else { return false };
    is_duration(total, "total")
        && is_duration(auth, "auth")
        && is_duration(stripe, "stripe")
        && is_number(count)
}
