//! Accrued usage and pending invoice items stay owed when a plan change is declined or withdrawn.

use serde_json::{Value, json};

use crate::cases;
use crate::clock::{HOUR, month_after};
use crate::harness::Harness;
use crate::payer::{Payer, Start};
use crate::plan_change_process::{PlanChangeProcess, SLOW};
use crate::stripe::text;

cases![
    declined_change_leaves_accrued_usage_for_the_renewal,
    replaced_change_leaves_accrued_usage_for_the_applied_one,
    retry_restores_the_pending_items_of_a_killed_change,
];

/// Amount of a pending invoice item: 90 dollars.
const BY_HAND: i64 = 9_000;

/// Creates an account on pro with usage and a pending invoice item. Returns it with the cost of the usage.
fn busy(harness: &Harness, handle: &str) -> (Payer, i64) {
    let payer = harness.payer(handle, Start::on("pro"));
    let event = [
        ("event_name", "cantila_egress"),
        ("payload[stripe_customer_id]", &*payer.customer.id),
        ("payload[value]", "12345"),
    ];
    harness.stripe_post("/billing/meter_events", &event);
    let item = [
        ("customer", &*payer.customer.id),
        ("subscription", &*payer.subscription),
        ("amount", &BY_HAND.to_string()),
        ("currency", "usd"),
        ("description", "Moved your database"),
    ];
    harness.stripe_post("/invoiceitems", &item);
    // The item must be older than the change.
    harness.advance(&payer.customer, payer.now + HOUR);
    let preview = [("subscription", &*payer.subscription)];
    let next = harness.stripe_post("/invoices/create_preview", &preview);
    let usage = next["total"].as_i64().expect("an amount") - 3_500 - BY_HAND;
    assert!(usage > 10_000, "{next:#}");
    (payer, usage)
}

/// Returns the amounts of the pending invoice items, smallest first.
fn waiting(harness: &Harness, payer: &Payer) -> Vec<i64> {
    let path = format!("/invoiceitems?pending=true&customer={}", payer.customer.id);
    let items = harness.stripe(&path)["data"].take();
    let amount = |item: &Value| item["amount"].as_i64().expect("an amount");
    let mut amounts: Vec<i64> = items.as_array().expect("a list").iter().map(amount).collect();
    amounts.sort_unstable();
    amounts
}

fn declined_change_leaves_accrued_usage_for_the_renewal(harness: &Harness) {
    let (payer, usage) = busy(harness, "busy-and-declined");
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    for (times, plan) in ["agency", "agency", "starter"].into_iter().enumerate() {
        let response = payer.change(harness, &json!({ "plan": plan }));
        assert_eq!(response.status, 402, "{}", response.body);
        assert_eq!(waiting(harness, &payer), [BY_HAND], "after {} declines", times + 1);
    }
    harness.card(&payer.customer, "pm_card_visa");
    harness.advance(&payer.customer, month_after(payer.start) + 2 * HOUR);
    let ledger = payer.ledger(harness);
    assert_eq!(ledger.charges(), (2, 3_500 + (3_500 + BY_HAND + usage)));
    assert_eq!((waiting(harness, &payer).len(), ledger.open()), (0, 0));
}

fn replaced_change_leaves_accrued_usage_for_the_applied_one(harness: &Harness) {
    let (payer, usage) = busy(harness, "busy-and-undecided");
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let response = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!(text(&response.json(), "error"), "payment_action_required");
    assert!(waiting(harness, &payer).is_empty(), "the pending update's invoice has the item");
    harness.card(&payer.customer, "pm_card_visa");
    let response = payer.change(harness, &json!({ "plan": "agency", "interval": "year" }));
    assert_eq!(response.status, 200, "{}", response.body);
    let ledger = payer.ledger(harness);
    assert_eq!((waiting(harness, &payer).len(), ledger.void), (0, 1));
    let change = text(&response.json()["invoice"], "id");
    let lines = harness.stripe(&format!("/invoices/{change}/lines?limit=100"))["data"].take();
    let amounts: Vec<i64> = lines
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["amount"].as_i64().expect("an amount"))
        .collect();
    for once in [usage, BY_HAND, 99_000] {
        assert_eq!(amounts.iter().filter(|amount| **amount == once).count(), 1, "{amounts:?}");
    }
}

fn retry_restores_the_pending_items_of_a_killed_change(harness: &Harness) {
    // Killed between the restoring of the two items of the change that it replaces.
    let (payer, usage) = busy(harness, "busy-replaced-and-killed");
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let waits = payer.change(harness, &json!({ "plan": "starter", "interval": "year" }));
    assert_eq!(text(&waits.json(), "error"), "payment_action_required");
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    let change = PlanChangeProcess { harness, payer: &payer };
    let broken = harness.break_stripe(&json!({
        "path": "/v1/invoiceitems", "method": "POST", "kind": "latency", "delay_ms": SLOW, "after_work": true, "count": 1,
    }));
    change.kill_when(|| waiting(harness, &payer).len() == 1);
    drop(broken);
    let response = change.retry();
    assert_eq!(text(&response.json(), "error"), "payment_failed", "{}", response.body);
    assert_eq!(waiting(harness, &payer), [BY_HAND, usage]);
    let ledger = payer.ledger(harness);
    assert_eq!((ledger.pending, ledger.void), (false, 1));
    assert_eq!(change.retry().header("idempotent-replayed"), "true");
    assert_eq!(waiting(harness, &payer), [BY_HAND, usage]);
}
