//! `billingctl doctor` finds nothing wrong with the local stack, and the functions need every permission of their Stripe
//! keys.

use billingctl::permissions::{Access, Permission, slugs};
use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::checkouts::promote;
use crate::harness::Harness;
use crate::payer::{CHANGE, CHECKOUT, PORTAL, PREVIEW, Start};
use crate::stripe::text;

cases![
    doctor_finds_nothing_wrong_with_the_local_stack,
    read_key_needs_each_of_its_permissions,
    write_key_needs_each_of_its_permissions,
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

/// Returns the key in the secret with this name.
fn key(harness: &Harness, name: &str) -> String {
    text(&harness.secret(&format!("cantila-billing/{name}")), "secretKey")
}

fn allow(harness: &Harness, key: &str, permissions: &[String]) {
    harness.sandbox("POST", "/keys", &json!({ "key": key, "permissions": permissions }));
}

/// The permission of the function that follows Stripe.
const EVENTS: &str = "rak_event_read";

/// Returns each permission together with the others, in which write is reduced to read and read is left out.
fn each_less(needs: fn(&Permission) -> Access) -> Vec<(String, Vec<String>)> {
    let all = slugs(needs);
    let without = |less: &String| {
        let kept = all.iter().filter(|permission| *permission != less).cloned();
        let read = less.strip_suffix("_write").map(|name| format!("{name}_read"));
        (less.clone(), kept.chain(read).collect())
    };
    all.iter().map(without).collect()
}

/// Returns whether Stripe rejected the function's request.
fn is_refused(response: &Response) -> bool {
    response.status == 502 && response.json()["error"] == "stripe_error"
}

fn read_key_needs_each_of_its_permissions(harness: &Harness) {
    let (key, caller) = (key(harness, "stripe-read"), &harness.account("overdue").keys.admin);
    let coupon = [("percent_off", "10"), ("duration", "forever")];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    let customer = harness.account("overdue").customer.as_deref().expect("a customer");
    let own = harness.stripe(&format!("/subscriptions?customer={customer}"));
    let path = format!("/subscriptions/{}", text(&own["data"][0], "id"));
    harness.stripe_post(&path, &[("discounts[0][coupon]", &coupon)]);
    let paths = ["summary", "info", "invoices", "dunning", "usage"]
        .map(|name| format!("/v1/billing/{name}"));
    let responses = || paths.iter().map(|path| harness.get(path, caller, &[])).collect::<Vec<_>>();
    for (less, permissions) in each_less(|row| row.read_key) {
        allow(harness, &key, &permissions);
        harness.forget_stored_reads();
        assert!(responses().iter().any(is_refused), "{less} is not needed");
    }
    allow(harness, &key, &slugs(|row| row.read_key));
    for response in responses() {
        assert_eq!(response.status, 200, "{}", response.body);
    }
    harness.stripe_post(&path, &[("discounts", "")]);
    let payer = harness.payer("preview-permissions", Start::on("pro"));
    let preview = harness.post(PREVIEW, &payer.account.key, &json!({ "plan": "agency" }));
    assert_eq!(preview.status, 200, "{}", preview.body);
}

fn write_key_needs_each_of_its_permissions(harness: &Harness) {
    let key = key(harness, "stripe-write");
    let payer = harness.payer("permissions", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let caller = &payer.account.key;
    promote(harness, "PERMITTED", &[]);
    let responses = |name: &str| {
        let fresh = harness.admin_of(name, None);
        let body = json!({ "plan": "agency" });
        [
            harness.post(
                CHECKOUT,
                &fresh.key,
                &json!({ "plan": "pro", "promotionCode": "PERMITTED" }),
            ),
            harness.post(PORTAL, caller, &json!({ "flow": "payment_method_update" })),
            harness.post(CHANGE, caller, &body),
        ]
    };
    // Only the function that follows Stripe reads events.
    let of_posts = each_less(|row| row.write_key).into_iter().filter(|(less, _)| less != EVENTS);
    for (index, (less, permissions)) in of_posts.enumerate() {
        // A change that waits for its payment, which the next one withdraws.
        allow(harness, &key, &slugs(|row| row.write_key));
        harness.post(CHANGE, caller, &json!({ "plan": "agency", "interval": "year" }));
        allow(harness, &key, &permissions);
        let responses = responses(&format!("permissions-{index}"));
        assert!(responses.iter().any(is_refused), "{less} is not needed");
    }
    allow(harness, &key, &slugs(|row| row.write_key));
    let statuses = responses("permissions-all").map(|response| response.status);
    assert_eq!(statuses, [201, 201, 402], "the customer has to authenticate");
}
