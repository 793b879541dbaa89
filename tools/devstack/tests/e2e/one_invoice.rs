//! One invoice with its lines, payments and attribution.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::clock::{DAY, HOUR};
use crate::expected_error::{NOT_FOUND, assert_error};
use crate::harness::Harness;
use crate::invoice_fixtures::Plan;
use crate::payer::{CHANGE, Payer, Start};
use crate::stripe::text;
use crate::usage::report;

cases![
    invoice_has_its_entry_all_lines_and_its_payment,
    only_the_invoice_of_a_change_names_its_request,
    failed_payment_is_shown_with_its_reason,
    lines_are_csv_on_request,
    invoices_of_others_drafts_and_nothing_get_the_same_404,
];

fn get(harness: &Harness, key: &str, id: &str) -> Response {
    harness.get(&format!("/v1/billing/invoices/{id}"), key, &[])
}

/// Returns an invoice of the payer.
#[track_caller]
fn shown(harness: &Harness, payer: &Payer, id: &str) -> Value {
    let response = get(harness, &payer.account.key, id);
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()
}

/// Returns the IDs of the payer's invoices with this reason, newest first.
fn ids(harness: &Harness, payer: &Payer, reason: &str) -> Vec<String> {
    harness.invoices_at_stripe(&payer.customer.id, |invoice| invoice["billing_reason"] == reason)
}

/// Creates a payer whose renewal bills usage of every meter.
fn renewed(harness: &Harness, handle: &str) -> Payer {
    let mut payer = harness.payer(handle, Start::on("pro"));
    for meter in ["cpu", "ram", "egress", "storage", "database"] {
        report(harness, &payer, &format!("cantila_{meter}"), "100000", payer.now - DAY);
    }
    payer.now += 21 * DAY + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    payer
}

fn invoice_has_its_entry_all_lines_and_its_payment(harness: &Harness) {
    let payer = renewed(harness, "invoice-whole");
    let id = ids(harness, &payer, "subscription_cycle").remove(0);
    let whole = shown(harness, &payer, &id);
    let list = harness.get("/v1/billing/invoices", &payer.account.key, &[]).json();
    for (name, value) in list["invoices"][0].as_object().expect("an entry") {
        assert_eq!(&whole[name], value, "{name}");
    }
    let lines = whole["lines"].as_array().expect("lines");
    // The base price, and two tiers of each meter: more than Stripe embeds.
    assert_eq!(lines.len(), 11, "{lines:?}");
    let cpu: Vec<_> = lines.iter().filter(|line| line["meter"] == "cpu").collect();
    let found =
        |line: &Value| json!([line["quantity"], line["unitAmount"], line["amount"], line["plan"]]);
    assert_eq!(found(cpu[0]), json!(["1500", "0", "0.00", "pro"]));
    assert_eq!(found(cpu[1]), json!(["98500", "0.012", "1182.00", "pro"]));
    assert_eq!(whole["breakdown"]["total"], whole["amount"]);
    let payment = &whole["payments"][0];
    assert_eq!(
        json!([payment["amount"], payment["status"], payment["failure"]]),
        json!([whole["amount"], "paid", null])
    );
    assert_eq!((&payment["at"], &whole["attribution"]), (&whole["paidAt"], &Value::Null));
    let tag = get(harness, &payer.account.key, &id).header("etag").to_owned();
    let path = format!("/v1/billing/invoices/{id}");
    let same = harness.get(&path, &payer.account.key, &[("if-none-match", &tag)]);
    assert_eq!((same.status, same.body.as_str()), (304, ""));
}

fn only_the_invoice_of_a_change_names_its_request(harness: &Harness) {
    let payer = harness.payer("invoice-origin", Start::on("pro"));
    let changed = harness.post(CHANGE, &payer.account.key, &json!({ "plan": "agency" }));
    let own = shown(harness, &payer, &text(&changed.json()["invoice"], "id"));
    let named = &own["attribution"];
    assert_eq!(named["requestId"], changed.header("x-request-id"), "{own}");
    assert!(named["keyId"].as_str().is_some_and(|key| key.starts_with("key_")), "{named}");
    assert_eq!(own["lines"][0]["proration"], json!(true));
    // Somebody else changes the quantity, and the subscription still has the metadata of our change.
    let item = payer.at_stripe(harness)["items"]["data"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["quantity"].is_u64()).cloned())
        .expect("a base price");
    let path = format!("/subscriptions/{}", payer.subscription);
    let form = [
        ("items[0][id]", &*text(&item, "id")),
        ("items[0][quantity]", "2"),
        ("proration_behavior", "always_invoice"),
    ];
    harness.stripe_post(&path, &form);
    let updates = ids(harness, &payer, "subscription_update");
    assert_eq!(updates.len(), 2, "{updates:?}");
    assert_eq!(shown(harness, &payer, &updates[0])["attribution"], Value::Null);
    assert_eq!(&shown(harness, &payer, &updates[1])["attribution"], named);
    let first = ids(harness, &payer, "subscription_create").remove(0);
    assert_eq!(shown(harness, &payer, &first)["attribution"], Value::Null);
}

fn failed_payment_is_shown_with_its_reason(harness: &Harness) {
    let account = harness.account("overdue");
    let list = harness.get("/v1/billing/invoices?status=open", &account.keys.read, &[]).json();
    let response = get(harness, &account.keys.read, &text(&list["invoices"][0], "id"));
    let whole = response.json();
    let payment = &whole["payments"][0];
    let expected = json!({
        "amount": "10.00", "status": "failed", "at": payment["at"],
        "failure": {
            "code": "card_declined", "declineCode": "generic_decline", "kind": "soft",
            "message": "Your card was declined.",
        },
    });
    assert_eq!((payment, &whole["payment"]), (&expected, &json!("failed")), "{whole}");
}

fn lines_are_csv_on_request(harness: &Harness) {
    let payer = renewed(harness, "invoice-csv");
    let id = ids(harness, &payer, "subscription_cycle").remove(0);
    let url = format!("{}/v1/billing/invoices/{id}", harness.about().api_url);
    let bearer = format!("Bearer {}", payer.account.key);
    let headers = [("authorization", &*bearer), ("accept", "text/csv")];
    let response = harness.exchange("GET", &url, &headers, "");
    assert_eq!(response.status, 200, "{}", response.body);
    let media = "text/csv; charset=utf-8; header=present";
    assert_eq!(response.header("content-type"), media);
    let records: Vec<&str> = response.body.split("\r\n").collect();
    assert_eq!(records.len(), 1 + 11 + 1, "{records:?}");
    assert_eq!(
        records[0],
        "description,quantity,unitAmount,amount,tax,proration,periodStart,periodEnd,plan,meter"
    );
    assert!(records[1..].iter().any(|record| record.ends_with(",pro,cpu")), "{records:?}");
    let tag = response.header("etag");
    let known = [headers[0], headers[1], ("if-none-match", tag)];
    assert_eq!(harness.exchange("GET", &url, &known, "").status, 304);
    let whole = harness.get(&format!("/v1/billing/invoices/{id}"), &payer.account.key, &[]);
    assert_ne!(whole.header("etag"), tag);
    // An error is JSON.
    let url = format!("{}/v1/billing/invoices/in_none", harness.about().api_url);
    assert_error(&harness.exchange("GET", &url, &headers, ""), NOT_FOUND);
}

fn invoices_of_others_drafts_and_nothing_get_the_same_404(harness: &Harness) {
    let plan = Plan { name: "invoice-drafts", count: 2, is_draft: |index| index == 0 };
    let stock = harness.stock(&plan);
    let customer = harness.stripe(&format!("/invoices/{}", stock.shown[0]))["customer"].clone();
    let customer = customer.as_str().expect("an ID");
    let draft = harness.invoices_at_stripe(customer, |invoice| invoice["status"] == "draft");
    assert_eq!(get(harness, &stock.account.key, &stock.shown[0]).status, 200);
    let other = harness.account("metered");
    for (key, id) in [
        (&stock.account.key, draft[0].as_str()),
        (&stock.account.key, "in_none"),
        (&stock.account.key, "sub_1"),
        (&stock.account.key, "in_1%2Fpay"),
        (&other.keys.read, stock.shown[0].as_str()),
        (&harness.account("fresh").keys.read, stock.shown[0].as_str()),
    ] {
        for _ in 0..2 {
            assert_error(&get(harness, key, id), NOT_FOUND);
        }
    }
}
