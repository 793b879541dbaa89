//! Subscriptions with a schedule, paused collection or a pause.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{HOUR, Renewal, at, month_after, now};
use crate::expected_bodies::{declined, estimate, healthy, line, overdue, subscribed, unused};
use crate::expected_error::assert_error_with;
use crate::harness::Harness;
use crate::payer::{CHANGE, CHECKOUT, PREVIEW, Payer, Start};
use crate::rejections::PAUSED;
use crate::stripe::text;

cases![
    scheduled_change_is_shown_blocks_other_changes_and_takes_effect,
    released_schedule_does_not_block_changes,
    paused_collection_blocks_only_plan_changes,
    subscription_paused_by_request_is_suspended_until_resumed,
    subscription_paused_by_a_failed_payment_needs_another_card,
];

const SCHEDULED: &str = "A change of this subscription is scheduled already. Cancel it first (DELETE /v1/billing/plan-change). If that is refused, somebody else scheduled it: ask the operator.";
const COLLECTION: &str =
    "Payment collection of this subscription is paused. Ask the operator to resume it first.";

#[track_caller]
fn check(harness: &Harness, payer: &Payer, endpoint: &str, body: &Value) {
    expect(&harness.get(&format!("/v1/billing/{endpoint}"), &payer.account.key, &[]), 200, body);
}

/// Asserts that plan changes and checkout are rejected and change nothing at Stripe.
#[track_caller]
fn unchangeable(harness: &Harness, payer: &Payer, reason: &str, message: &str) {
    let before = payer.at_stripe(harness);
    let info = harness.get("/v1/billing/info", &payer.account.key, &[]).json();
    assert_eq!(info["capabilities"]["planChange"], false);
    for path in [PREVIEW, CHANGE] {
        let response = harness.post(path, &payer.account.key, &json!({ "plan": "agency" }));
        let details = json!({ "reason": reason });
        assert_error_with(&response, 409, "subscription_not_changeable", message, &details);
    }
    let response = harness.post(CHECKOUT, &payer.account.key, &json!({ "plan": "agency" }));
    assert_eq!(response.json()["error"], "already_subscribed");
    assert_eq!(payer.at_stripe(harness), before);
}

/// Creates a schedule that changes the payer's plan at the period's end, and returns its ID.
pub(crate) fn plan_ahead(harness: &Harness, payer: &Payer, tier: &str) -> String {
    let from = [("from_subscription", &*payer.subscription)];
    let schedule = harness.stripe_post("/subscription_schedules", &from);
    let [start, end] =
        ["start_date", "end_date"].map(|name| schedule["phases"][0][name].to_string());
    let mut form = vec![
        ("phases[0][start_date]".to_owned(), start),
        ("phases[0][end_date]".to_owned(), end),
        ("phases[1][duration][interval]".to_owned(), "month".to_owned()),
        ("phases[1][proration_behavior]".to_owned(), "none".to_owned()),
    ];
    for (phase, tier) in [(0, "pro"), (1, tier)] {
        for (index, price) in harness.prices(tier, "month").into_iter().enumerate() {
            form.push((format!("phases[{phase}][items][{index}][price]"), price));
        }
    }
    let form: Vec<_> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let id = text(&schedule, "id");
    harness.stripe_post(&format!("/subscription_schedules/{id}"), &form);
    id
}

fn scheduled_change_is_shown_blocks_other_changes_and_takes_effect(harness: &Harness) {
    let payer = harness.payer("plans-ahead", Start::on("pro"));
    plan_ahead(harness, &payer, "starter");
    let end = month_after(payer.start);
    // The old plan's usage and the new plan's fee.
    let mut lines = unused("pro", "Pro", "35.00").split_off(1);
    lines.push(line("starter", 1, None, "10.00", "Starter (at $10.00 / month)"));
    let next = estimate("USD", "10.00", "0.00", &lines);
    let mut summary = subscribed("pro", "active", [payer.start, end], &next);
    summary["pendingChange"] = json!({
        "plan": "starter", "interval": "month", "quantity": "1", "effectiveAt": at(end), "reason": "scheduled",
        "expiresAt": null, "url": null, "then": [],
    });
    check(harness, &payer, "summary", &summary);
    check(harness, &payer, "dunning", &healthy());
    unchangeable(harness, &payer, "scheduled", SCHEDULED);

    harness.advance(&payer.customer, end + 2 * HOUR);
    let next = estimate("USD", "10.00", "0.00", &unused("starter", "Starter", "10.00"));
    let summary = subscribed("starter", "active", [end, month_after(end)], &next);
    check(harness, &payer, "summary", &summary);
    let invoices = payer.ledger(harness).invoices;
    assert_eq!((invoices.len(), &*invoices[0].1, invoices[0].2), (2, "paid", 1_000));
    // The schedule blocks changes until its last phase is over.
    unchangeable(harness, &payer, "scheduled", SCHEDULED);
}

fn released_schedule_does_not_block_changes(harness: &Harness) {
    let payer = harness.payer("plans-no-more", Start::on("pro"));
    let schedule = plan_ahead(harness, &payer, "starter");
    harness.stripe_post(&format!("/subscription_schedules/{schedule}/release"), &[]);
    let summary = harness.get("/v1/billing/summary", &payer.account.key, &[]).json();
    assert_eq!((&summary["plan"], &summary["pendingChange"]), (&json!("pro"), &Value::Null));
    let response = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!((response.status, &response.json()["outcome"]), (200, &json!("applied")));
}

fn paused_collection_blocks_only_plan_changes(harness: &Harness) {
    for behavior in ["keep_as_draft", "mark_uncollectible", "void"] {
        let handle = format!("pays-later-{}", behavior.replace('_', "-"));
        let payer = harness.payer(&handle, Start::on("pro"));
        let path = format!("/subscriptions/{}", payer.subscription);
        harness.stripe_post(&path, &[("pause_collection[behavior]", behavior)]);
        let end = month_after(payer.start);
        let next = estimate("USD", "35.00", "0.00", &unused("pro", "Pro", "35.00"));
        let mut summary = subscribed("pro", "active", [payer.start, end], &next);
        summary["nextChargeAt"] = Value::Null;
        check(harness, &payer, "summary", &summary);
        check(harness, &payer, "dunning", &healthy());
        unchangeable(harness, &payer, "collection_paused", COLLECTION);
        harness.stripe_post(&path, &[("pause_collection", "")]);
        let response = payer.change(harness, &json!({ "plan": "agency" }));
        assert_eq!(response.status, 200, "{behavior}: {}", response.body);
    }
}

fn subscription_paused_by_request_is_suspended_until_resumed(harness: &Harness) {
    let payer = harness.payer("takes-a-break", Start::on("pro"));
    let path = format!("/subscriptions/{}", payer.subscription);
    harness.stripe_post(&format!("{path}/pause"), &[]);
    let period = [payer.start, month_after(payer.start)];
    check(harness, &payer, "summary", &subscribed("pro", "paused", period, &Value::Null));
    let mut dunning = healthy();
    dunning["state"] = json!("suspended");
    dunning["since"] = at(payer.now);
    dunning["deployBlocked"] = json!(true);
    dunning["recovery"] = another_card();
    check(harness, &payer, "dunning", &dunning);
    unchangeable(harness, &payer, "paused", PAUSED);

    // Resuming keeps the rest of the month.
    let unchanged =
        [("billing_cycle_anchor[type]", "unchanged"), ("proration_behavior", "create_prorations")];
    harness.stripe_post(&format!("{path}/resume"), &unchanged);
    check(harness, &payer, "dunning", &healthy());
    let summary = harness.get("/v1/billing/summary", &payer.account.key, &[]).json();
    assert_eq!(
        (&summary["status"], &summary["estimate"]["amount"]),
        (&json!("active"), &json!("35.00"))
    );
    let response = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!(response.status, 200, "{}", response.body);
}

/// Returns dunning's recovery for a paused subscription.
fn another_card() -> Value {
    json!({ "action": "update_payment_method", "url": "/v1/billing/portal-session", "method": "POST" })
}

/// Changes the Stripe account's settings for failed payments until dropped.
pub(crate) struct Rules<'a> {
    harness: &'a Harness,
    before: Value,
}

impl<'a> Rules<'a> {
    pub(crate) fn set(harness: &'a Harness, change: &Value) -> Rules<'a> {
        let before = harness.sandbox("GET", "/settings", &Value::Null);
        harness.sandbox("POST", "/settings", change);
        Rules { harness, before }
    }
}

impl Drop for Rules<'_> {
    fn drop(&mut self) {
        self.harness.sandbox("POST", "/settings", &self.before);
    }
}

/// Creates a subscription to Pro whose renewal was declined, and so were the retries until `until`.
pub(crate) fn declined_renewal(
    harness: &Harness,
    handle: &str,
    renewal: &Renewal,
    until: i64,
) -> Payer {
    let customer = harness.customer_at(renewal.start);
    harness.card(&customer, "pm_card_visa");
    let price = harness.prices("pro", "month").remove(0);
    let form = [("customer", &*customer.id), ("items[0][price]", &*price)];
    let subscription = text(&harness.stripe_post("/subscriptions", &form), "id");
    harness.card(&customer, "pm_card_chargeCustomerFail");
    for moment in [renewal.renewed + 60, renewal.renewed + 2 * HOUR, until] {
        harness.advance(&customer, moment);
    }
    let account = harness.admin_of(handle, Some(&customer.id));
    Payer { account, customer, subscription, start: renewal.start, now: until }
}

fn subscription_paused_by_a_failed_payment_needs_another_card(harness: &Harness) {
    let _rules = Rules::set(harness, &json!({ "pause_on_first_failure": true }));
    let until = now();
    let renewal = Renewal::at_about(until - 26 * HOUR, until);
    let payer = declined_renewal(harness, "paused-by-failure", &renewal, until);
    let period = [renewal.renewed, month_after(renewal.renewed)];
    check(harness, &payer, "summary", &subscribed("pro", "paused", period, &Value::Null));
    let open = harness.stripe(&format!("/invoices?status=open&customer={}", payer.customer.id));
    let open = &open["data"][0];
    let url = &open["hosted_invoice_url"];
    let dunning = json!({
        "state": "suspended", "reason": null, "since": at(renewal.tries[0]),
        "attempts": renewal.tried, "maxAttempts": 4,
        "nextAttemptAt": at(renewal.tries[renewal.tried]), "graceEndsAt": null,
        "amountDue": "35.00", "currency": "USD", "overdue": overdue("USD", "35.00"),
        "invoice": { "number": open["number"], "amountDue": "35.00", "currency": "USD", "hostedUrl": url },
        "processing": null,
        "failure": declined(), "deployBlocked": true,
        "recovery": another_card(),
    });
    check(harness, &payer, "dunning", &dunning);
    unchangeable(harness, &payer, "paused", PAUSED);

    // After payment the operator must resume the subscription.
    let path = format!("/invoices/{}/pay", text(open, "id"));
    harness.stripe_post(&path, &[("payment_method", "pm_card_visa")]);
    let mut dunning = healthy();
    dunning["state"] = json!("suspended");
    dunning["since"] = at(renewal.tries[0]);
    dunning["deployBlocked"] = json!(true);
    dunning["recovery"] = another_card();
    check(harness, &payer, "dunning", &dunning);
    let path = format!("/subscriptions/{}/resume", payer.subscription);
    harness.stripe_post(&path, &[("billing_cycle_anchor[type]", "unchanged")]);
    check(harness, &payer, "dunning", &healthy());
}
