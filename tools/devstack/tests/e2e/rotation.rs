//! Stripe's key is rotated while the functions run, and no request fails over it.

use serde_json::{Value, json};
use shared::stripe::permissions::slugs;

use crate::cases;
use crate::harness::Harness;
use crate::stripe::text;

cases![a_rotated_stripe_key_fails_no_request];

const SECRET: &str = "cantila-billing/stripe-read";
const NEW: &str = "rk_test_rotated0123456789";

fn a_rotated_stripe_key_fails_no_request(harness: &Harness) {
    let before = harness.secret(SECRET);
    let old = text(&before, "secretKey");
    all_succeed(harness);
    harness.sandbox(
        "POST",
        "/keys",
        &json!({ "key": NEW, "permissions": slugs(|row| row.read_key) }),
    );
    let mut after = before.clone();
    after["secretKey"] = json!(NEW);
    harness.put_secret(SECRET, &after);
    all_succeed(harness);
    harness.sandbox("DELETE", &format!("/keys/{old}"), &Value::Null);
    // Several at once: each finds out that the key is gone, and one reads the new one.
    all_succeed(harness);
    let refused = refusals(harness);
    assert!(refused > 0, "the old key was not in use any more");
    all_succeed(harness);
    assert_eq!(refusals(harness), refused, "the new key is kept");
}

/// Three requests of every endpoint, at the same time.
fn all_succeed(harness: &Harness) {
    let paths =
        ["summary", "info", "invoices", "dunning"].map(|name| format!("/v1/billing/{name}"));
    let paths = [&paths[..], &paths, &paths].concat();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for answer in harness.get_all(&paths, &harness.account("overdue").keys.read) {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// How many requests Stripe has turned away since it was started, as far as it remembers.
fn refusals(harness: &Harness) -> usize {
    let log = harness.sandbox("GET", "/requests", &Value::Null);
    let entries = log["requests"].as_array().expect("a list");
    let own = entries.iter().filter(|entry| entry["fault"].is_null());
    own.filter(|entry| entry["status"] == 401).count()
}
