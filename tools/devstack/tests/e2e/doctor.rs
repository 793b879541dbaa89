//! The stack as an operator sees it: `billingctl doctor` finds nothing wrong, and the Stripe keys have
//! the permissions of the one table, of which none is too many.

use billingctl::permissions::{Access, Permission, slugs};
use devstack::http::Answer;
use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::posts::{CHANGE, CHECKOUT, PORTAL, PREVIEW, Start};
use crate::stripe::text;

cases![
    doctor_finds_nothing_wrong_with_the_local_stack,
    the_read_key_needs_each_of_its_permissions,
    the_write_key_needs_each_of_its_permissions,
];

fn doctor_finds_nothing_wrong_with_the_local_stack(harness: &Harness) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog.toml");
    let args = ["doctor", "--strict", "--file", file, "--api-url", &harness.about().api_url];
    let mut command = harness.billingctl_command(&args);
    command.env("STRIPE_SECRET_KEY", &harness.about().stripe_key).env("AUTOMATIC_TAX", "false");
    let output = command.output().expect("`cargo build --workspace` builds billingctl");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let lines = report["checks"].as_array().expect("an array");
    let others: Vec<&Value> =
        lines.iter().filter(|line| line["verdict"] != "pass" && line["check"] != "tax").collect();
    assert!(output.status.success() && others.is_empty() && lines.len() > 20, "{others:#?}");
}

/// The key that is in the secret with the given name.
fn key(harness: &Harness, name: &str) -> String {
    text(&harness.secret(&format!("cantila-billing/{name}")), "secretKey")
}

fn allow(harness: &Harness, key: &str, permissions: &[String]) {
    harness.sandbox("POST", "/keys", &json!({ "key": key, "permissions": permissions }));
}

/// All but one, of which writing becomes reading and reading nothing.
fn each_less(needs: fn(&Permission) -> Access) -> Vec<(String, Vec<String>)> {
    let all = slugs(needs);
    let without = |less: &String| {
        let kept = all.iter().filter(|permission| *permission != less).cloned();
        let read = less.strip_suffix("_write").map(|name| format!("{name}_read"));
        (less.clone(), kept.chain(read).collect())
    };
    all.iter().map(without).collect()
}

/// Stripe refused what the function asked for.
fn is_refused(answer: &Answer) -> bool {
    answer.status == 502 && answer.json()["error"] == "stripe_error"
}

fn the_read_key_needs_each_of_its_permissions(harness: &Harness) {
    let (key, caller) = (key(harness, "stripe-read"), &harness.account("overdue").keys.admin);
    let paths =
        ["summary", "info", "invoices", "dunning"].map(|name| format!("/v1/billing/{name}"));
    let answers = || paths.iter().map(|path| harness.get(path, caller, &[])).collect::<Vec<_>>();
    for (less, permissions) in each_less(|row| row.read_key) {
        allow(harness, &key, &permissions);
        assert!(answers().iter().any(is_refused), "{less} is not needed");
    }
    allow(harness, &key, &slugs(|row| row.read_key));
    for answer in answers() {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn the_write_key_needs_each_of_its_permissions(harness: &Harness) {
    let key = key(harness, "stripe-write");
    let payer = harness.payer("permissions", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    let caller = &payer.account.key;
    let answers = |name: &str| {
        let fresh = harness.admin_of(name, None);
        let body = json!({ "plan": "agency" });
        [
            harness.post(CHECKOUT, &fresh.key, &json!({ "plan": "pro" })),
            harness.post(PORTAL, caller, &json!({ "flow": "payment_method_update" })),
            harness.post(PREVIEW, caller, &body),
            harness.post(CHANGE, caller, &body),
        ]
    };
    for (index, (less, permissions)) in each_less(|row| row.write_key).iter().enumerate() {
        allow(harness, &key, permissions);
        let answers = answers(&format!("permissions-{index}"));
        assert!(answers.iter().any(is_refused), "{less} is not needed");
    }
    allow(harness, &key, &slugs(|row| row.write_key));
    let statuses = answers("permissions-all").map(|answer| answer.status);
    assert_eq!(statuses, [201, 201, 200, 402], "the card is declined");
}
