//! Rotations of Stripe's key and of the quote keys while the functions run.

use std::time::Duration;

use billingctl::permissions::slugs;
use billingctl::quote_keys::{FIRST_ID, QuoteKeys};
use devstack::http::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::Timestamp;

use crate::cases;
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{JSON, Start};
use crate::stripe::text;

cases![rotating_the_stripe_key_fails_no_request, rotating_the_quote_key_fails_no_request];

const SECRET: &str = "cantila-billing/stripe-read";
const NEW: &str = "rk_test_rotated0123456789";

fn rotating_the_stripe_key_fails_no_request(harness: &Harness) {
    let before = harness.secret(SECRET);
    let old = text(&before, "secretKey");
    all_succeed(harness);
    harness.sandbox(
        "POST",
        "/keys",
        &json!({ "key": NEW, "permissions": slugs(|row| row.read_key) }),
    );
    let file = harness.logs().with_file_name("new-key.txt");
    std::fs::write(&file, NEW).expect("the stack's own folder");
    let rotate = ["secrets", "rotate", "stripe-read", "--from-file"];
    let said = harness.billingctl(&[&rotate[..], &[file.to_str().expect("UTF-8")]].concat());
    assert_eq!(said, json!({ "secret": SECRET, "mode": "test", "checked": true }));
    assert_eq!(harness.secret(SECRET)["publishableKey"], before["publishableKey"]);
    all_succeed(harness);
    harness.sandbox("DELETE", &format!("/keys/{old}"), &Value::Null);
    // Concurrent requests find the old key revoked, and one of them reads the new key.
    all_succeed(harness);
    let refused = refusals(harness);
    assert!(refused > 0, "the functions no longer used the old key");
    all_succeed(harness);
    assert_eq!(refusals(harness), refused, "the functions cache the new key");
}

/// Sends three concurrent requests to every GET endpoint.
fn all_succeed(harness: &Harness) {
    let paths = ["summary", "info", "invoices", "dunning", "usage"]
        .map(|name| format!("/v1/billing/{name}"));
    let paths = [&paths[..], &paths, &paths].concat();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for response in harness.get_all(&paths, &harness.account("overdue").keys.read) {
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

/// Returns the number of requests with a 401 in the sandbox's log.
fn refusals(harness: &Harness) -> usize {
    let log = harness.sandbox("GET", "/requests", &Value::Null);
    let entries = log["requests"].as_array().expect("a list");
    let own = entries.iter().filter(|entry| entry["fault"].is_null());
    own.filter(|entry| entry["status"] == 401).count()
}

/// The secret of the case's own functions.
const QUOTE_KEYS: &str = "rotation/quote-keys";

/// Pause after which a process reads the keys again for a quote with an unknown key ID.
const REREAD_PAUSE: Duration = Duration::from_millis(5_100);

fn store(harness: &Harness, action: &str, id: &str, keys: &QuoteKeys) {
    let secret = keys.to_secret();
    let body = json!({ id: QUOTE_KEYS, "SecretString": secret.expose_secret() });
    harness.aws(&format!("secretsmanager.{action}"), &body);
}

fn start<'a>(harness: &'a Harness, name: &str) -> FunctionProcess<'a> {
    FunctionProcess::start(harness, name, &[("QUOTE_KEYS_SECRET_ID", QUOTE_KEYS)])
}

fn post(function: &mut FunctionProcess<'_>, key: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {key}");
    function.send_with_body(PATIENT, &[JSON, ("authorization", &bearer)], &body.to_string());
    function.response()
}

/// Processes from before and after a rotation accept each other's quotes, until the old key is dropped.
fn rotating_the_quote_key_fails_no_request(harness: &Harness) {
    let payer = harness.payer("rotates-quote-keys", Start::on("pro"));
    let key = &payer.account.key;
    let mut keys = QuoteKeys::random(FIRST_ID).expect("random numbers");
    store(harness, "CreateSecret", "Name", &keys);
    let mut old_preview = start(harness, "plan-change-preview");
    let [mut old_change, mut late_change] =
        ["plan-change", "plan-change"].map(|name| start(harness, name));
    let quote = |function: &mut FunctionProcess<'_>, plan: &str| {
        let response = post(function, key, &json!({ "plan": plan }));
        assert_eq!(response.status, 200, "{}", response.body);
        text(&response.json(), "quote")
    };
    let change = |function: &mut FunctionProcess<'_>, plan: &str, quote: &str| {
        let response = post(function, key, &json!({ "plan": plan, "quote": quote }));
        assert_eq!(response.status, 200, "{}", response.body);
    };
    let before = quote(&mut old_preview, "agency");

    keys.rotate(Timestamp::now()).expect("random numbers");
    store(harness, "PutSecretValue", "SecretId", &keys);
    let [mut new_preview, mut new_change] =
        ["plan-change-preview", "plan-change"].map(|name| start(harness, name));
    change(&mut new_change, "agency", &before);
    let after = quote(&mut new_preview, "pro");
    assert!(before.starts_with("k1.") && after.starts_with("k2."), "{before} {after}");
    std::thread::sleep(REREAD_PAUSE);
    change(&mut old_change, "pro", &after);
    let stale = quote(&mut old_preview, "agency");
    assert!(stale.starts_with("k1."), "a process reads the keys again after a minute: {stale}");
    change(&mut late_change, "agency", &stale);

    assert!(keys.drop_key("k1"));
    store(harness, "PutSecretValue", "SecretId", &keys);
    let response = post(
        &mut start(harness, "plan-change"),
        key,
        &json!({ "plan": "agency", "quote": before }),
    );
    assert_eq!((response.status, &response.json()["details"]), (422, &json!({ "field": "quote" })));
}
