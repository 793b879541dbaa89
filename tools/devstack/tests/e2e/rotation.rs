//! Stripe's key and the pepper are rotated while the functions run, and no request fails over it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::stripe::permissions::slugs;

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{JSON, Start};
use crate::stripe::text;

cases![a_rotated_stripe_key_fails_no_request, a_rotated_pepper_fails_no_request];

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

/// A table and a pepper of the case's own, and functions that use them: other cases' keys stay as
/// they are.
const OWN: [(&str, &str); 2] =
    [("BILLING_TABLE", "rotation"), ("PEPPER_SECRET_ID", "rotation/pepper")];

/// Functions, and the keys that they are asked with over and over.
struct Traffic<'a> {
    harness: &'a Harness,
    functions: Vec<Lone<'a>>,
    keys: Vec<String>,
    answered: usize,
}

impl Traffic<'_> {
    fn start(&mut self, name: &str) {
        self.functions.push(Lone::start(self.harness, name, &OWN));
    }

    /// Every function with every key.
    #[track_caller]
    fn flow(&mut self) {
        for function in &mut self.functions {
            for key in &self.keys {
                let answer = function.get(&[("authorization", &format!("Bearer {key}"))]);
                assert_eq!(answer.status, 200, "{}", answer.body);
                self.answered += 1;
            }
        }
    }

    /// Goes on while a command runs, and gives what that prints.
    #[track_caller]
    fn during(&mut self, args: &[&str]) -> Value {
        let mut running = self.harness.start_billingctl(args, &OWN);
        while running.try_wait().expect("its state").is_none() {
            self.flow();
        }
        let output = running.wait_with_output().expect("its output");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "billingctl {args:?}: {said}");
        self.flow();
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    #[track_caller]
    fn new_key(&mut self) {
        let made = self.during(&["keys", "create", "--account", "acme", "--scope", "admin"]);
        let key = text(&made, "key");
        self.harness.keep_secret(&key);
        self.keys.push(key);
    }
}

/// A POST of a function by itself, which has to succeed.
#[track_caller]
fn post(function: &mut Lone<'_>, key: &str, body: &Value) -> Value {
    let bearer = format!("Bearer {key}");
    function.ask_with(PATIENT, &[JSON, ("authorization", &bearer)], &body.to_string());
    let answer = function.answer();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn a_rotated_pepper_fails_no_request(harness: &Harness) {
    let payer = harness.payer("rotates-the-pepper", Start::on("pro"));
    let mut traffic = Traffic { harness, functions: Vec::new(), keys: Vec::new(), answered: 0 };
    traffic.during(&["setup"]);
    let account = ["accounts", "create", "--handle", "acme", "--customer", &payer.customer.id];
    traffic.during(&account);
    traffic.new_key();
    traffic.new_key();
    traffic.start("summary");
    traffic.start("dunning");
    let key = traffic.keys[0].clone();
    let [mut old_preview, mut old_change, mut late_change] =
        ["plan-change-preview", "plan-change", "plan-change"]
            .map(|name| Lone::start(harness, name, &OWN));
    let early = post(&mut old_preview, &key, &json!({ "plan": "agency" }));

    traffic.during(&["secrets", "rotate", "pepper"]);
    traffic.start("summary");
    // Made at once, for processes that know of the rotation and for those that do not.
    traffic.new_key();
    traffic.flow();
    // A quote of before, in a process that has never known but the new secret.
    let mut new_change = Lone::start(harness, "plan-change", &OWN);
    let mut new_preview = Lone::start(harness, "plan-change-preview", &OWN);
    post(&mut new_change, &key, &json!({ "plan": "agency", "quote": early["quote"] }));
    // One of right after, in a process of before.
    let soon = post(&mut new_preview, &key, &json!({ "plan": "pro" }));
    post(&mut old_change, &key, &json!({ "plan": "pro", "quote": soon["quote"] }));

    let rotated = Instant::now();
    while rotated.elapsed() < Duration::from_secs(16) {
        traffic.flow();
    }
    // By now what is new is under the new pepper.
    traffic.new_key();
    traffic.flow();
    let later = post(&mut new_preview, &key, &json!({ "plan": "agency" }));
    post(&mut late_change, &key, &json!({ "plan": "agency", "quote": later["quote"] }));

    let status = traffic.during(&["secrets", "pepper-status"]);
    assert_eq!(status["keys"], json!({ "done": 1, "rehashed": 3, "unused": [] }));
    let last = post(&mut new_preview, &key, &json!({ "plan": "pro" }));
    let finished = traffic.during(&["secrets", "finish-pepper"]);
    assert_eq!((&finished["moved"], &finished["dropped"]), (&json!(3), &json!(0)));
    traffic.start("summary");
    traffic.new_key();
    traffic.flow();
    let mut newest_change = Lone::start(harness, "plan-change", &OWN);
    post(&mut newest_change, &key, &json!({ "plan": "pro", "quote": last["quote"] }));
    let status = traffic.during(&["secrets", "pepper-status"]);
    assert_eq!(status["keys"], json!({ "done": 5, "rehashed": 0, "unused": [] }));
    assert!(traffic.answered > 50, "{} requests are no traffic", traffic.answered);
}
