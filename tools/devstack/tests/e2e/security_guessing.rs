//! Trying keys: whatever is wrong with one, the answer and its time tell nothing, and who fails
//! again and again has to wait.

use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use devstack::http::Answer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::auth::{ApiKey, Mode, generate};
use shared::secrets::Pepper;

use crate::cases;
use crate::harness::Harness;
use crate::lone::Lone;
use crate::refusal::{UNAUTHENTICATED, refused, refused_with};
use crate::stripe::text;
use crate::when::now;

cases![
    every_refused_key_gets_the_same_headers_too,
    how_long_a_refusal_takes_does_not_tell_whether_the_key_was_ever_one,
    who_fails_again_and_again_has_to_wait_and_nobody_else_has,
];

/// A key of the right form that nobody has, or had until it was revoked or expired.
fn key(harness: &Harness, end: Option<&str>) -> String {
    let key = generate(Mode::Test).expect("random numbers");
    let text = key.expose_secret().to_owned();
    harness.keep_secret(&text);
    let Some(end) = end else { return text };
    let pepper = crate::stripe::text(&harness.secret("cantila-billing/pepper"), "pepper");
    let hash = ApiKey::parse_secret(&key).expect("own form").hash(&Pepper::from(&*pepper));
    let s = |value: &str| json!({ "S": value });
    let n = |value: i64| json!({ "N": value.to_string() });
    let mut item = json!({
        "pk": s(&format!("KEY#{hash}")), "sk": s("KEY"), "keyId": s("key_guessed"),
        "account": s(&harness.account("metered").id), "scope": s("read"), "name": s("once"),
        "prefix": s(&text[..12]), "createdAt": n(now() - 1_000),
    });
    item[end] = n(now() - 500);
    harness.aws(
        "DynamoDB_20120810.PutItem",
        &json!({ "TableName": harness.about().table, "Item": item }),
    );
    text
}

const ENDS: [Option<&str>; 3] = [None, Some("revokedAt"), Some("expiresAt")];

fn every_refused_key_gets_the_same_headers_too(harness: &Harness) {
    let other_mode = generate(Mode::Live).expect("random numbers");
    let keys = ENDS.map(|end| key(harness, end));
    let bearers =
        keys.iter().map(String::as_str).chain(["", "hunter2", other_mode.expose_secret()]);
    let bearers: Vec<_> = bearers.map(|key| format!("Bearer {key}")).collect();
    let fixed = |answer: &Answer| {
        let differs = ["x-request-id", "server-timing", "date"];
        let headers = answer.headers.iter().filter(|(name, _)| !differs.contains(&name.as_str()));
        let mut headers: Vec<_> =
            headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        headers
    };
    for function in FUNCTIONS {
        let mut seen: Option<Vec<String>> = None;
        for bearer in &bearers {
            let headers = [("authorization", bearer.as_str())];
            let answer = harness.send(function.method, function.path, "", &headers, "");
            refused(&answer, UNAUTHENTICATED);
            let headers = fixed(&answer);
            assert_eq!(seen.get_or_insert(headers.clone()), &headers, "{}", function.name);
        }
    }
}

/// The time that the function says it took to authenticate, in tenths of a millisecond: any caller can
/// read it, and it is more exact than what a caller could measure.
fn took(answer: &Answer) -> u64 {
    let timing = answer.header("server-timing");
    let auth = timing.split(", ").find_map(|part| part.strip_prefix("auth;dur="));
    auth.and_then(|auth| auth.replace('.', "").parse().ok()).expect("a time")
}

/// Keys that were never seen are asked for in turns, so that whatever else the machine does falls on
/// all kinds alike, and the shortest times are compared: a busy machine only ever makes longer ones.
/// A look-up more would double the time, however often it is measured; so there are more rounds only
/// where the first ones have not shown that it does not. What has the wrong checksum is refused
/// without a look-up, which tells what everybody can work out: the checksum is no secret.
fn how_long_a_refusal_takes_does_not_tell_whether_the_key_was_ever_one(harness: &Harness) {
    let mut summary = Lone::start(harness, "summary", &[("AUTH_FAILURES_PER_MINUTE", "0")]);
    let mut ask = |key: &str| {
        let answer = summary.get(&[("authorization", &format!("Bearer {key}"))]);
        refused(&answer, UNAUTHENTICATED);
        took(&answer)
    };
    // The first look-up opens the connection.
    ask(&key(harness, None));
    let mut shortest = [u64::MAX; 3];
    for round in 0..60 {
        let keys = ENDS.map(|end| key(harness, end));
        for turn in 0..3 {
            let kind = (round + turn) % 3;
            shortest[kind] = shortest[kind].min(ask(&keys[kind]));
        }
        let [fastest, slowest] = [shortest.iter().min(), shortest.iter().max()];
        if round >= 15 && slowest.map(|time| time * 2) <= fastest.map(|time| time * 3) {
            return;
        }
    }
    panic!("unknown, revoked, expired: at least {shortest:?} tenths of a millisecond");
}

fn who_fails_again_and_again_has_to_wait_and_nobody_else_has(harness: &Harness) {
    let good = harness.account("metered").keys.read.clone();
    let mut summary = Lone::start(harness, "summary", &[("AUTH_FAILURES_PER_MINUTE", "6")]);
    let mut ask = |source: &str, key: &str| {
        source.clone_into(&mut summary.source);
        summary.get(&[("authorization", &format!("Bearer {key}"))])
    };
    let started = Instant::now();
    let keys = [ENDS.map(|end| key(harness, end)), ["", "hunter2", "sk_test_1"].map(str::to_owned)];
    let keys = keys.concat();
    for key in &keys {
        refused(&ask("198.51.100.7", key), UNAUTHENTICATED);
    }
    // Whatever is wrong with the key, and for as long as is said.
    for key in keys.iter().chain(&keys) {
        let answer = ask("198.51.100.7", key);
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        let message = format!("There are too many requests at the moment. Try again in {wait} s.");
        refused_with(&answer, 429, "rate_limited", &message, &Value::Null);
        assert!((1..=10).contains(&wait), "{wait}");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "one more is let through every 10 s");
    // Whoever shares the address and has a key is not locked out, and others are not kept waiting.
    for _ in 0..3 {
        let answer = ask("198.51.100.7", &good);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(text(&answer.json(), "plan"), "pro");
        refused(&ask("198.51.100.8", "hunter2"), UNAUTHENTICATED);
    }
    // Of IPv6 one person holds a whole /64.
    for host in 0..6 {
        refused(&ask(&format!("2001:db8::{host}"), "hunter2"), UNAUTHENTICATED);
    }
    assert_eq!(ask("2001:db8::ffff:1", "hunter2").status, 429);
    refused(&ask("2001:db8:0:1::1", "hunter2"), UNAUTHENTICATED);
}
