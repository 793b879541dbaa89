//! Guessing keys: response and duration are the same for unknown, revoked and expired keys.

use std::time::Duration;

use devstack::functions::FUNCTIONS;
use devstack::http::Response;
use secrecy::ExposeSecret as _;
use serde_json::json;
use shared::access::{ApiKey, generate};
use shared::values::Mode;

use crate::cases;
use crate::clock::now;
use crate::expected_error::{UNAUTHENTICATED, assert_error};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;

cases![every_invalid_key_gets_the_same_headers, every_invalid_key_takes_the_same_time];

/// Creates a well-formed key: unknown if `end` is `None`, else revoked or expired.
fn key(harness: &Harness, end: Option<&str>) -> String {
    let key = generate(Mode::Test).expect("random numbers");
    let text = key.expose_secret().to_owned();
    harness.keep_secret(&text);
    let Some(end) = end else { return text };
    let hash = ApiKey::parse(key.expose_secret()).expect("own form").hash();
    let s = |value: &str| json!({ "S": value });
    let n = |value: i64| json!({ "N": value.to_string() });
    let mut item = json!({
        "pk": s(&format!("KEY#{}", hash.as_str())), "sk": s("KEY"), "keyId": s("key_guessed"),
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

fn every_invalid_key_gets_the_same_headers(harness: &Harness) {
    let other_mode = generate(Mode::Live).expect("random numbers");
    let keys = ENDS.map(|end| key(harness, end));
    let bearers =
        keys.iter().map(String::as_str).chain(["", "hunter2", other_mode.expose_secret()]);
    let bearers: Vec<_> = bearers.map(|key| format!("Bearer {key}")).collect();
    let fixed = |response: &Response| {
        let differs = ["x-request-id", "date"];
        let headers = response.headers.iter().filter(|(name, _)| !differs.contains(&name.as_str()));
        let mut headers: Vec<_> =
            headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        headers
    };
    for function in FUNCTIONS {
        let mut seen: Option<Vec<String>> = None;
        for bearer in &bearers {
            let headers = [("authorization", bearer.as_str())];
            let response =
                harness.send(function.method, &function.example_path(), "", &headers, "");
            assert_error(&response, UNAUTHENTICATED);
            let headers = fixed(&response);
            assert_eq!(seen.get_or_insert(headers.clone()), &headers, "{}", function.name);
        }
    }
}

/// Measures unknown, revoked and expired keys in turn, so that other load on the machine affects all alike, and compares
/// the shortest durations, since load only makes them longer. An additional read of the table would double a duration in
/// every round, so the case ends as soon as the durations are close. A wrong checksum is rejected without a read, which
/// reveals nothing: everyone can compute the checksum.
fn every_invalid_key_takes_the_same_time(harness: &Harness) {
    let mut summary = FunctionProcess::start(harness, "summary", &[]);
    let mut send = |key: &str| {
        summary.send(PATIENT, &[("authorization", &format!("Bearer {key}"))]);
        let (response, took) = summary.timed_response();
        assert_error(&response, UNAUTHENTICATED);
        took
    };
    // The first read opens the connection.
    send(&key(harness, None));
    let mut shortest = [Duration::MAX; 3];
    for round in 0..150 {
        let keys = ENDS.map(|end| key(harness, end));
        for turn in 0..3 {
            let kind = (round + turn) % 3;
            shortest[kind] = shortest[kind].min(send(&keys[kind]));
        }
        let [fastest, slowest] = [shortest.iter().min(), shortest.iter().max()];
        if round >= 15 && slowest.map(|time| *time * 2) <= fastest.map(|time| *time * 3) {
            return;
        }
    }
    panic!("unknown, revoked, expired: at least {shortest:?}");
}
