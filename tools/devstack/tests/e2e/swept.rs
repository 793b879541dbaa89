//! What a change's invoice sweeps up beside the change is still owed when the change is dropped.

use serde_json::{Value, json};

use crate::alone::{Alone, SLOW};
use crate::cases;
use crate::harness::Harness;
use crate::posts::{Payer, Start};
use crate::stripe::text;
use crate::when::{HOUR, month_after};

cases![
    usage_so_far_is_billed_with_the_renewal_when_a_change_is_declined,
    usage_on_a_change_that_is_replaced_is_billed_once_by_the_one_that_is_made,
    a_killed_change_has_its_invoice_put_back_by_the_repetition,
];

/// 90 dollars of something that was done by hand.
const BY_HAND: i64 = 9_000;

/// On pro, with usage, and an item that waits for the next invoice; and what the usage costs.
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
    // Time passes, so that the item is older than the change.
    harness.advance(&payer.customer, payer.now + HOUR);
    let preview = [("subscription", &*payer.subscription)];
    let next = harness.stripe_post("/invoices/create_preview", &preview);
    let usage = next["total"].as_i64().expect("an amount") - 3_500 - BY_HAND;
    assert!(usage > 10_000, "{next:#}");
    (payer, usage)
}

/// The amounts of what waits for the next invoice, smallest first.
fn waiting(harness: &Harness, payer: &Payer) -> Vec<i64> {
    let path = format!("/invoiceitems?pending=true&customer={}", payer.customer.id);
    let items = harness.stripe(&path)["data"].take();
    let amount = |item: &Value| item["amount"].as_i64().expect("an amount");
    let mut amounts: Vec<i64> = items.as_array().expect("a list").iter().map(amount).collect();
    amounts.sort_unstable();
    amounts
}

fn usage_so_far_is_billed_with_the_renewal_when_a_change_is_declined(harness: &Harness) {
    let (payer, usage) = busy(harness, "busy-and-declined");
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    for (times, plan) in ["agency", "agency", "starter"].into_iter().enumerate() {
        let answer = payer.change(harness, &json!({ "plan": plan }));
        assert_eq!(answer.status, 402, "{}", answer.body);
        assert_eq!(waiting(harness, &payer), [BY_HAND, usage], "after {} declines", times + 1);
    }
    harness.card(&payer.customer, "pm_card_visa");
    harness.advance(&payer.customer, month_after(payer.start) + 2 * HOUR);
    let ledger = payer.ledger(harness);
    assert_eq!(ledger.charges(), (2, 3_500 + (3_500 + BY_HAND + usage)));
    assert_eq!((waiting(harness, &payer).len(), ledger.open()), (0, 0));
}

fn usage_on_a_change_that_is_replaced_is_billed_once_by_the_one_that_is_made(harness: &Harness) {
    let (payer, usage) = busy(harness, "busy-and-undecided");
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let answer = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!(text(&answer.json(), "error"), "payment_action_required");
    assert!(waiting(harness, &payer).is_empty(), "it is on the invoice that waits");
    harness.card(&payer.customer, "pm_card_visa");
    let answer = payer.change(harness, &json!({ "plan": "agency", "interval": "year" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ledger = payer.ledger(harness);
    assert_eq!((waiting(harness, &payer).len(), ledger.void), (0, 1));
    let change = text(&answer.json()["invoice"], "id");
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

fn a_killed_change_has_its_invoice_put_back_by_the_repetition(harness: &Harness) {
    // Killed between the two things to put back, each on the way there: a change that was declined,
    // and one that takes the place of another.
    for (handle, replaces) in [("busy-and-killed", false), ("busy-replaced-and-killed", true)] {
        let (payer, usage) = busy(harness, handle);
        if replaces {
            harness.card(&payer.customer, "pm_card_authenticationRequired");
            let waits = payer.change(harness, &json!({ "plan": "starter", "interval": "year" }));
            assert_eq!(text(&waits.json(), "error"), "payment_action_required");
        }
        harness.card(&payer.customer, "pm_card_chargeCustomerFail");
        let alone = Alone { harness, payer: &payer };
        let broken = harness.break_stripe(&json!({
            "path": "/v1/invoiceitems", "method": "POST", "kind": "latency", "delay_ms": SLOW, "after_work": true, "count": 1,
        }));
        alone.killed_when(|| waiting(harness, &payer).len() == 1);
        drop(broken);
        let answer = alone.again();
        assert_eq!(text(&answer.json(), "error"), "payment_failed", "{}", answer.body);
        assert_eq!(waiting(harness, &payer), [BY_HAND, usage]);
        let ledger = payer.ledger(harness);
        assert_eq!((ledger.pending, ledger.void), (false, 1 + usize::from(replaces)));
        assert_eq!(alone.again().header("idempotent-replayed"), "true");
        assert_eq!(waiting(harness, &payer), [BY_HAND, usage]);
    }
}
