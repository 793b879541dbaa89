//! Headers that every response of a function has.

use devstack::http::Response;

/// Panics if one of the contract's headers is missing or wrong.
#[track_caller]
pub(crate) fn check(response: &Response) {
    let wrong = |what: &str| panic!("{what} in {:#?}\n{}", response.headers, response.body);
    let is_read = !response.header("etag").is_empty();
    let cache_control = if is_read { "private, no-cache" } else { "no-store" };
    for (name, value) in [("content-type", "application/json"), ("cache-control", cache_control)] {
        if response.header(name) != value {
            wrong(&format!("{name} is not {value}"));
        }
    }
    for name in ["x-request-id", "content-type", "cache-control"] {
        if response.headers.get_all(name).iter().count() != 1 {
            wrong(&format!("not exactly one {name}"));
        }
    }
    if response.header("x-request-id").is_empty() {
        wrong("x-request-id is empty");
    }
    // A duration would tell an unknown key from an expired one.
    let timing = response.header("server-timing");
    let is_good = if response.status == 401 { timing.is_empty() } else { is_timing(timing) };
    if !is_good {
        wrong("server-timing is malformed");
    }
    let ids = response.header("x-stripe-request-ids");
    let ids: Vec<&str> = ids.split(',').filter(|_| !ids.is_empty()).collect();
    if ids.len() > 10 || !ids.iter().all(|id| id.starts_with("req_")) {
        wrong("x-stripe-request-ids is malformed");
    }
    // Each call has an ID, unless its connection broke.
    let calls = timing.rsplit('=').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    if ids.len() > calls {
        wrong("x-stripe-request-ids has more IDs than there were calls");
    }
    let replayed = response.header("idempotent-replayed") == "true";
    if response.status >= 400 && !replayed {
        let body = response.json();
        if body["requestId"] != response.header("x-request-id") {
            wrong("x-request-id is not the body's requestId");
        }
    }
    if (response.status == 401) != (response.header("www-authenticate") == "Bearer") {
        wrong("www-authenticate belongs to 401 only");
    }
    // A 409 has `retry-after` only for `idempotency_in_progress`.
    let seconds = response.header("retry-after").parse::<u32>().unwrap_or_default();
    if response.status != 409 && matches!(response.status, 429 | 503) != (seconds > 0) {
        wrong("retry-after belongs to 429 and 503");
    }
}

/// Returns whether the text has the form `total;dur=12.3, auth;dur=0.4, stripe;dur=9.8;count=2`.
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
