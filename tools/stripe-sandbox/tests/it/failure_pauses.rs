//! Subscriptions that a failed payment pauses, by the account's settings.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, at_the_middle};
use crate::support::{Form, amounts, id, stamp};

/// The renewal of 1 May is collected an hour later.
const FIRST: OffsetDateTime = datetime!(2027-05-01 01:00 UTC);
/// 3, 5 and 7 days, each after the previous attempt.
const RETRIES: [OffsetDateTime; 3] = [
    datetime!(2027-05-04 01:00 UTC),
    datetime!(2027-05-09 01:00 UTC),
    datetime!(2027-05-16 01:00 UTC),
];

/// Returns a subscription of 30 dollars a month whose renewal has failed under these rules.
fn failed(rules: &Value, more: Form<'_>) -> (Case, String) {
    let case = at_the_middle("3000", more);
    case.api.admin("POST", "/settings", rules);
    case.use_card("pm_card_chargeCustomerFail");
    case.api.advance(&case.clock, FIRST);
    let invoice = id(&case.api.invoices(&case.sub)[0]);
    (case, invoice)
}

fn why(case: &Case) -> (Value, Value, Value) {
    let sub = case.shown();
    let paused = &sub["status_details"]["paused"];
    (
        sub["status"].clone(),
        paused["subscription"]["type"].clone(),
        paused["transitioned_at"].clone(),
    )
}

fn exhaust(case: &Case) {
    for at in RETRIES {
        case.api.advance(&case.clock, at);
    }
}

#[test]
fn first_failed_renewal_can_pause_subscription_and_retries_continue() {
    let (case, invoice) = failed(&json!({ "pause_on_first_failure": true }), &[]);
    assert_eq!(why(&case), (json!("paused"), json!("first_payment_failure"), stamp(FIRST)));
    let open = case.api.invoice(&invoice);
    assert_eq!((&open["status"], &open["attempt_count"]), (&json!("open"), &json!(1)));
    assert_eq!(open["next_payment_attempt"], stamp(RETRIES[0]));
    exhaust(&case);
    let open = case.api.invoice(&invoice);
    assert_eq!((&open["attempt_count"], &open["next_payment_attempt"]), (&json!(4), &Value::Null));
    assert_eq!(why(&case).1, "first_payment_failure");
    case.api.advance(&case.clock, datetime!(2027-06-15 00:00 UTC));
    assert_eq!(case.api.invoices(&case.sub).len(), 2, "no renewal in June");

    // Paying is not sufficient: it has to be resumed.
    case.api.post(&format!("/v1/invoices/{invoice}/pay"), &[("payment_method", "pm_card_visa")]);
    assert_eq!(case.shown()["status"], "paused");
}

#[test]
fn failed_first_and_change_invoices_do_not_pause_subscription() {
    let case = at_the_middle("3000", &[]);
    case.api.admin("POST", "/settings", &json!({ "pause_on_first_failure": true }));
    case.use_card("pm_card_chargeCustomerFail");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed = case.change(&bigger, &[("proration_behavior", "always_invoice")]);
    assert_eq!(changed["status"], "past_due");

    let customer = case.api.customer(&case.clock, Some("pm_card_chargeCustomerFail"), &[]);
    let sub = case.api.subscribe(&customer, &bigger, &[]);
    assert_eq!(sub["status"], "incomplete");
}

#[test]
fn last_failure_pauses_subscription_for_any_invoice() {
    let (case, _) = failed(&json!({ "retries_exhausted": "pause" }), &[]);
    assert_eq!(why(&case), (json!("past_due"), Value::Null, Value::Null));
    exhaust(&case);
    assert_eq!(why(&case), (json!("paused"), json!("final_payment_failure"), stamp(RETRIES[2])));
}

#[test]
fn subscription_that_cannot_pause_stays_past_due_and_is_canceled() {
    let rules = json!({ "pause_on_first_failure": true, "retries_exhausted": "pause" });
    let (case, _) = failed(&rules, &[("billing_mode[type]", "classic")]);
    assert_eq!(case.shown()["status"], "past_due");
    exhaust(&case);
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["ended_at"]), (&json!("canceled"), &stamp(RETRIES[2])));
    assert_eq!(sub["cancellation_details"]["reason"], "payment_failed");
}

#[test]
fn payment_can_resume_subscription_in_the_paid_period() {
    let rules = json!({ "pause_on_first_failure": true, "resume_when_paid": true });
    let (case, invoice) = failed(&rules, &[]);
    case.use_card("pm_card_visa");
    case.api.advance(&case.clock, RETRIES[0]);
    assert_eq!(case.api.invoice(&invoice)["status"], "paid");
    assert_eq!(why(&case), (json!("active"), Value::Null, Value::Null));
    // Nothing more is due for May; June renews as usual.
    case.api.advance(&case.clock, datetime!(2027-06-01 01:00 UTC));
    let renewal = case.api.invoices(&case.sub).remove(0);
    assert_eq!((amounts(&renewal), &renewal["amount_paid"]), (vec![3000], &json!(3000)));
}

#[test]
fn uncollectible_invoice_resumes_subscription_and_voided_one_does_not() {
    let rules = json!({ "retries_exhausted": "pause", "resume_when_paid": true });
    for (verb, status) in [("mark_uncollectible", "active"), ("void", "paused")] {
        let (case, invoice) = failed(&rules, &[]);
        exhaust(&case);
        case.api.post(&format!("/v1/invoices/{invoice}/{verb}"), &[]);
        assert_eq!(case.shown()["status"], status, "{verb}");
    }
}

#[test]
fn late_resumption_prorates_the_current_period_on_the_next_renewal() {
    let rules = json!({ "retries_exhausted": "pause", "resume_when_paid": true });
    let (case, invoice) = failed(&rules, &[]);
    exhaust(&case);
    case.use_card("pm_card_visa");
    // A third of the 30 days of June remains.
    case.api.advance(&case.clock, datetime!(2027-06-21 00:00 UTC));
    case.api.post(&format!("/v1/invoices/{invoice}/pay"), &[]);
    assert_eq!(case.shown()["status"], "active");
    case.api.advance(&case.clock, datetime!(2027-07-01 01:00 UTC));
    let renewal = case.api.invoices(&case.sub).remove(0);
    assert_eq!((amounts(&renewal), &renewal["status"]), (vec![1000, 3000], &json!("paid")));
}

#[test]
fn new_retry_schedule_applies_to_later_attempts() {
    let (case, invoice) = failed(&json!({ "retry_days": [1, 2] }), &[]);
    let next = |case: &Case| case.api.invoice(&invoice)["next_payment_attempt"].clone();
    assert_eq!(next(&case), stamp(datetime!(2027-05-02 01:00 UTC)));
    case.api.advance(&case.clock, datetime!(2027-05-02 01:00 UTC));
    assert_eq!(next(&case), stamp(datetime!(2027-05-04 01:00 UTC)));
    case.api.admin("POST", "/settings", &json!({ "retries_exhausted": "past_due" }));
    case.api.advance(&case.clock, datetime!(2027-05-04 01:00 UTC));
    assert_eq!((next(&case), case.shown()["status"].clone()), (Value::Null, json!("past_due")));
}
