//! The end of a trial, and trials that begin in the middle of a paid period.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, START, at_the_middle};
use crate::support::{Api, Form, amounts, id, stamp};

/// 14 days after the first of April.
const END: OffsetDateTime = datetime!(2027-04-15 00:00 UTC);
const AN_HOUR_LATER: OffsetDateTime = datetime!(2027-04-15 01:00 UTC);

/// Returns a subscription of 35 dollars a month after a trial of 14 days.
fn trial(card: Option<&str>, more: Form<'_>) -> Case {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, card, &[]);
    let form = [&[("trial_period_days", "14")], more].concat();
    let sub = api.subscribe(&customer, &base, &form);
    assert_eq!((&sub["status"], &sub["trial_end"]), (&json!("trialing"), &stamp(END)));
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    Case { api, clock, customer, sub: id(&sub), item }
}

fn without_a_card(behavior: &str) -> Case {
    trial(None, &[("trial_settings[end_behavior][missing_payment_method]", behavior)])
}

impl Case {
    fn newest_invoice(&self) -> Value {
        self.api.invoices(&self.sub).remove(0)
    }

    fn update(&self, form: Form<'_>) -> Value {
        self.api.post(&format!("/v1/subscriptions/{}", self.sub), form)
    }

    fn item_period(&self) -> (Value, Value) {
        let item = &self.shown()["items"]["data"][0];
        (item["current_period_start"].clone(), item["current_period_end"].clone())
    }
}

fn text(at: OffsetDateTime) -> String {
    at.unix_timestamp().to_string()
}

#[test]
fn create_invoice_leaves_an_open_invoice_that_a_later_card_pays() {
    let case = without_a_card("create_invoice");
    case.api.advance(&case.clock, END);
    let draft = case.newest_invoice();
    assert_eq!((amounts(&draft), &draft["status"]), (vec![3500], &json!("draft")));
    assert_eq!(draft["billing_reason"], "subscription_cycle");
    assert_eq!(
        (case.shown()["status"].clone(), &draft["attempted"]),
        (json!("active"), &json!(false))
    );

    case.api.advance(&case.clock, AN_HOUR_LATER);
    let open = case.newest_invoice();
    assert_eq!((&open["status"], &open["attempt_count"]), (&json!("open"), &json!(1)));
    assert_eq!(case.shown()["status"], "past_due");
    // Attempts on the 15th, then 3 and 5 days later: the 18th and the 23rd.
    assert_eq!(open["next_payment_attempt"], stamp(datetime!(2027-04-18 01:00 UTC)));
    case.api.advance(&case.clock, datetime!(2027-04-18 01:00 UTC));
    case.use_card("pm_card_visa");
    case.api.advance(&case.clock, datetime!(2027-04-23 00:59:59 UTC));
    assert_eq!(case.shown()["status"], "past_due");
    case.api.advance(&case.clock, datetime!(2027-04-23 01:00 UTC));
    let paid = case.newest_invoice();
    assert_eq!((&paid["status"], &paid["attempt_count"]), (&json!("paid"), &json!(3)));
    assert_eq!(paid["status_transitions"]["paid_at"], stamp(datetime!(2027-04-23 01:00 UTC)));
    assert_eq!(case.shown()["status"], "active");
}

#[test]
fn missing_payment_method_cancel_cancels_without_an_invoice() {
    let case = without_a_card("cancel");
    case.api.advance(&case.clock, AN_HOUR_LATER);
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["ended_at"]), (&json!("canceled"), &stamp(END)));
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
}

#[test]
fn missing_payment_method_pause_pauses_without_an_invoice() {
    let case = without_a_card("pause");
    case.api.advance(&case.clock, AN_HOUR_LATER);
    let paused = &case.shown()["status_details"]["paused"];
    assert_eq!(paused["transitioned_at"], stamp(END));
    assert_eq!(paused["subscription"]["type"], "trial_end_without_payment_method");
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
}

#[test]
fn missing_payment_method_setting_has_no_effect_with_a_card() {
    for behavior in ["create_invoice", "cancel", "pause"] {
        let setting = ("trial_settings[end_behavior][missing_payment_method]", behavior);
        let case = trial(Some("pm_card_visa"), &[setting]);
        case.api.advance(&case.clock, AN_HOUR_LATER);
        let paid = case.newest_invoice();
        assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(3500)));
        let next = datetime!(2027-05-15 00:00 UTC);
        assert_eq!(case.item_period(), (stamp(END), stamp(next)), "{behavior}");
    }
}

const UNCHANGED: (&str, &str) = ("trial_settings[end_behavior][billing_cycle_anchor]", "unchanged");

#[test]
fn unchanged_anchor_bills_the_rest_of_the_cycle_first() {
    let may = datetime!(2027-05-01 00:00 UTC);
    let case = trial(Some("pm_card_visa"), &[UNCHANGED, ("billing_cycle_anchor", &text(may))]);
    let preview = [("subscription", case.sub.as_str())];
    let preview = case.api.post("/v1/invoices/create_preview", &preview);
    case.api.advance(&case.clock, AN_HOUR_LATER);
    // From the 15th 16 of the 30 days of April remain: 3500 × 16 / 30 = 1866.67.
    let first = case.newest_invoice();
    assert_eq!((amounts(&first), &first["status"]), (vec![1867], &json!("paid")));
    assert_eq!(amounts(&preview), amounts(&first));
    assert_eq!(case.item_period(), (stamp(END), stamp(may)));
    assert_eq!(case.shown()["billing_cycle_anchor"], stamp(may));
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(amounts(&case.newest_invoice()), [3500]);
    assert_eq!(case.item_period().1, stamp(datetime!(2027-06-01 00:00 UTC)));
}

#[test]
fn trial_within_a_paid_period_credits_unused_time_and_moves_the_cycle() {
    // 30.00 for April, of which 15 days have passed.
    let case = at_the_middle("3000", &[]);
    let end = datetime!(2027-05-10 00:00 UTC);
    let sub = case.update(&[("trial_end", &text(end))]);
    assert_eq!((&sub["status"], &sub["trial_end"]), (&json!("trialing"), &stamp(end)));
    assert_eq!(sub["trial_start"], stamp(crate::case::MIDDLE));
    assert_eq!(sub["billing_cycle_anchor"], stamp(end));
    assert_eq!(case.api.invoices(&case.sub).len(), 1, "the credit waits");
    case.api.advance(&case.clock, datetime!(2027-05-10 01:00 UTC));
    let first = case.newest_invoice();
    assert_eq!((amounts(&first), &first["amount_paid"]), (vec![-1500, 3000], &json!(1500)));
    assert_eq!(case.item_period(), (stamp(end), stamp(datetime!(2027-06-10 00:00 UTC))));
}

#[test]
fn trial_within_a_paid_period_follows_proration_behavior_and_its_preview() {
    let end = text(datetime!(2027-05-10 00:00 UTC));
    let case = at_the_middle("3000", &[]);
    let preview = [
        ("subscription", case.sub.as_str()),
        ("subscription_details[trial_end]", &end),
        ("subscription_details[proration_behavior]", "always_invoice"),
    ];
    let preview = case.api.post("/v1/invoices/create_preview", &preview);
    case.update(&[("trial_end", &end), ("proration_behavior", "always_invoice")]);
    let credit = case.newest_invoice();
    assert_eq!((amounts(&preview), amounts(&credit)), (vec![-1500], vec![-1500]));
    assert_eq!((&credit["status"], case.balance()), (&json!("paid"), json!(-1500)));

    let case = at_the_middle("3000", &[]);
    case.update(&[("trial_end", &end), ("proration_behavior", "none")]);
    case.api.advance(&case.clock, datetime!(2027-05-10 01:00 UTC));
    assert_eq!(amounts(&case.newest_invoice()), [3000]);

    // With another plan, which is free until then and billed in full afterwards.
    let case = at_the_middle("3000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed = case.change(&bigger, &[("trial_end", &end)]);
    assert_eq!((&changed["status"], case.api.invoices(&case.sub).len()), (&json!("trialing"), 1));
    case.api.advance(&case.clock, datetime!(2027-05-10 01:00 UTC));
    assert_eq!(amounts(&case.newest_invoice()), [-1500, 5000]);
}

#[test]
fn trial_within_a_paid_period_can_keep_the_anchor() {
    let case = at_the_middle("3000", &[UNCHANGED]);
    let end = datetime!(2027-04-26 00:00 UTC);
    case.update(&[("trial_end", &text(end))]);
    case.api.advance(&case.clock, datetime!(2027-04-26 01:00 UTC));
    // Half a month credited, 5 of 30 days charged: the credit is larger.
    let first = case.newest_invoice();
    assert_eq!((amounts(&first), &first["total"]), (vec![-1500, 500], &json!(-1000)));
    assert_eq!(case.item_period(), (stamp(end), stamp(datetime!(2027-05-01 00:00 UTC))));
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = case.newest_invoice();
    assert_eq!((amounts(&renewal), &renewal["amount_paid"]), (vec![3000], &json!(2000)));
}

#[test]
fn trial_end_now_without_trial_has_no_effect_and_past_end_is_refused() {
    let case = at_the_middle("3000", &[]);
    let before = case.shown();
    assert_eq!(case.update(&[("trial_end", "now")]), before);
    let path = format!("/v1/subscriptions/{}", case.sub);
    let form = [("trial_end", text(START))];
    let refusal = case.api.refused(400, "POST", &path, &[("trial_end", &form[0].1)]);
    assert_eq!(refusal.json["error"]["param"], "trial_end");
    case.api.refused(400, "POST", &path, &[("trial_end", "1900000000")]);
}

#[test]
fn pending_update_expires_with_the_trial() {
    let case = trial(Some("pm_card_chargeCustomerFail"), &[]);
    // Ten hours before the end, which is sooner than 23 hours.
    case.api.advance(&case.clock, datetime!(2027-04-14 14:00 UTC));
    let form = [("trial_end", "now"), ("payment_behavior", "pending_if_incomplete")];
    let waiting = case.update(&form);
    assert_eq!(waiting["status"], "trialing");
    assert_eq!(waiting["pending_update"]["expires_at"], stamp(END));
    let invoice = waiting["latest_invoice"].as_str().unwrap().to_owned();
    case.api.advance(&case.clock, END);
    assert_eq!(case.api.invoice(&invoice)["status"], "void");
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["pending_update"]), (&json!("active"), &Value::Null));
    assert_eq!(amounts(&case.newest_invoice()), [3500]);
    assert_eq!(case.item_period().0, stamp(END));
}
