//! At the end nothing waits, and the account has one whole plan.

use std::collections::BTreeSet;

use crate::actions::METERS;
use crate::laws::Violations;
use crate::round::Outcome;
use crate::truth::{Plan, Truth, number, text};

pub fn check(outcome: &Outcome, violations: &mut Violations) {
    for text in &outcome.unsettled {
        violations.add("every operation gets a result", text.clone());
    }
    let truth = &outcome.settled;
    let live = truth.live();
    if live.len() > 1 || (outcome.plan.is_some() && live.is_empty()) {
        violations.add("one live subscription", format!("{} are live", live.len()));
    }
    let open = truth.list("sessions").iter().filter(|session| session["status"] == "open").count();
    if open > 1 {
        violations.add("one open session", format!("{open} are open"));
    }
    for subscription in live {
        if !subscription["pending_update"].is_null() {
            violations.add(
                "nothing waits",
                format!("a pending update: {}", subscription["pending_update"]),
            );
        }
        if subscription["status"] != "active" {
            violations
                .add("nothing waits", format!("the subscription is {}", subscription["status"]));
        }
    }
    for invoice in
        truth.invoices().filter(|one| one["status"] == "open" || one["status"] == "draft")
    {
        violations.add("nothing waits", format!("{} is {}", invoice["id"], invoice["status"]));
    }
    for intent in truth.list("intents").iter().filter(|one| one["status"] == "requires_action") {
        violations.add("nothing waits", format!("{} requires action", intent["id"]));
    }
    if outcome.unsettled.is_empty() {
        check_items(truth, violations);
    }
    for invoice in outcome.renewed.billed().filter(|one| one["status"] != "paid") {
        violations
            .add("the renewal is paid", format!("{} is {}", invoice["id"], invoice["status"]));
    }
    for invoice in outcome.renewed.billed() {
        if number(invoice, "amount_paid") != number(invoice, "amount_due") {
            violations.add("due is paid", text(&invoice["id"]));
        }
    }
}

/// Checks that the items are exactly the prices of one plan.
fn check_items(truth: &Truth, violations: &mut Violations) {
    for subscription in truth.live() {
        let Some(Plan { tier, interval }) = Plan::of(subscription) else {
            violations.add("one whole plan", "there is no base price");
            continue;
        };
        let base = format!("cantila_{tier}_{interval}");
        let mut expected: BTreeSet<String> =
            METERS.iter().map(|meter| format!("{base}_{meter}")).collect();
        expected.insert(base);
        let items = subscription["items"]["data"].as_array().expect("a list");
        let found: Vec<_> =
            items.iter().map(|item| text(&item["price"]["lookup_key"]).to_owned()).collect();
        if found.len() != expected.len()
            || found.iter().cloned().collect::<BTreeSet<_>>() != expected
        {
            violations.add("one whole plan", format!("{found:?}"));
        }
    }
}
