//! Rotations of Stripe's key and of the quote keys while the functions run.

use std::time::Duration;

use billingctl::permissions::slugs;
use devstack::http::Answer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::Timestamp;
use shared::values::token::MacKeys;

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{JSON, Start};
use crate::stripe::text;

cases![rotated_stripe_key_fails_no_request, rotated_quote_key_fails_no_request];

const SECRET: &str = "cantila-billing/stripe-read";
const NEW: &str = "rk_test_rotated0123456789";

fn rotated_stripe_key_fails_no_request(harness: &Harness) {
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

/// The secret of the case's own functions.
const QUOTE_KEYS: &str = "rotation/quote-keys";

/// Pause after which a process reads the keys again for a quote with an unknown key ID.
const REREAD_PAUSE: Duration = Duration::from_millis(5_100);

fn store(harness: &Harness, action: &str, id: &str, keys: &MacKeys) {
    let secret = keys.to_secret();
    let body = json!({ id: QUOTE_KEYS, "SecretString": secret.expose_secret() });
    harness.aws(&format!("secretsmanager.{action}"), &body);
}

fn start<'a>(harness: &'a Harness, name: &str) -> Lone<'a> {
    Lone::start(harness, name, &[("QUOTE_KEYS_SECRET_ID", QUOTE_KEYS)])
}

fn post(function: &mut Lone<'_>, key: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {key}");
    function.ask_with(PATIENT, &[JSON, ("authorization", &bearer)], &body.to_string());
    function.answer()
}

/// Processes from before and after a rotation accept each other's quotes, until the old key is dropped.
fn rotated_quote_key_fails_no_request(harness: &Harness) {
    let payer = harness.payer("rotates-quote-keys", Start::on("pro"));
    let key = &payer.account.key;
    let mut keys = MacKeys::random("k1").expect("random numbers");
    store(harness, "CreateSecret", "Name", &keys);
    let mut old_preview = start(harness, "plan-change-preview");
    let [mut old_change, mut late_change] =
        ["plan-change", "plan-change"].map(|name| start(harness, name));
    let quote = |function: &mut Lone<'_>, plan: &str| {
        let answer = post(function, key, &json!({ "plan": plan }));
        assert_eq!(answer.status, 200, "{}", answer.body);
        text(&answer.json(), "quote")
    };
    let change = |function: &mut Lone<'_>, plan: &str, quote: &str| {
        let answer = post(function, key, &json!({ "plan": plan, "quote": quote }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let before = quote(&mut old_preview, "agency");

    keys.rotate("k2", Timestamp::now()).expect("random numbers");
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
    let answer = post(
        &mut start(harness, "plan-change"),
        key,
        &json!({ "plan": "agency", "quote": before }),
    );
    assert_eq!((answer.status, &answer.json()["details"]), (422, &json!({ "field": "quote" })));
}
