//! Trials and the periods after them.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, amounts, id, stamp};

const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
const END: OffsetDateTime = datetime!(2027-04-15 00:00 UTC);

fn trial(card: Option<&str>, more: Form<'_>) -> (Api, String, Value) {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, card, &[]);
    let form = [&[("trial_period_days", "14")], more].concat();
    let sub = api.subscribe(&customer, &base, &form);
    assert_eq!(sub["status"], "trialing");
    (api, clock, sub)
}

#[test]
fn trial_starts_with_a_zero_invoice_and_ends_with_the_first_charge() {
    let (api, clock, sub) = trial(Some("pm_card_visa"), &[]);
    assert_eq!((&sub["trial_start"], &sub["trial_end"]), (&stamp(START), &stamp(END)));
    assert_eq!(sub["billing_cycle_anchor"], stamp(END));
    assert_eq!(sub["items"]["data"][0]["current_period_end"], stamp(END));
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((amounts(&first), &first["status"]), (vec![0], &json!("paid")));
    assert_eq!(first["lines"]["data"][0]["description"], "Trial period for Pro");

    let preview = api.post("/v1/invoices/create_preview", &[("subscription", &id(&sub))]);
    assert_eq!((amounts(&preview), &preview["period_end"]), (vec![3500], &stamp(END)));

    api.advance(&clock, END);
    let ended = api.subscription(&id(&sub));
    assert_eq!(ended["status"], "active");
    assert_eq!(
        ended["items"]["data"][0]["current_period_end"],
        stamp(datetime!(2027-05-15 00:00 UTC))
    );
    api.advance(&clock, datetime!(2027-04-15 01:00 UTC));
    let paid = api.invoices(&id(&sub)).remove(0);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(3500)));
    assert_eq!(paid["billing_reason"], "subscription_cycle");
}

#[test]
fn trial_settings_apply_without_a_card() {
    let setting = "trial_settings[end_behavior][missing_payment_method]";
    for (behavior, at_once, later) in [
        ("create_invoice", "active", "past_due"),
        ("cancel", "canceled", "canceled"),
        ("pause", "paused", "paused"),
    ] {
        let (api, clock, sub) = trial(None, &[(setting, behavior)]);
        api.advance(&clock, END);
        assert_eq!(api.subscription(&id(&sub))["status"], at_once, "{behavior}");
        api.advance(&clock, datetime!(2027-04-15 01:00 UTC));
        let sub = api.subscription(&id(&sub));
        assert_eq!(sub["status"], later, "{behavior}");
        let reason = &sub["status_details"]["paused"]["subscription"]["type"];
        let expected = if behavior == "pause" {
            json!("trial_end_without_payment_method")
        } else {
            Value::Null
        };
        assert_eq!(*reason, expected, "{behavior}");
    }
}

#[test]
fn trial_can_be_ended_or_moved() {
    let (api, clock, sub) = trial(Some("pm_card_visa"), &[]);
    let path = format!("/v1/subscriptions/{}", id(&sub));
    let later = datetime!(2027-04-20 00:00 UTC);
    let moved = api.post(&path, &[("trial_end", &later.unix_timestamp().to_string())]);
    assert_eq!(
        (&moved["trial_end"], &moved["billing_cycle_anchor"]),
        (&stamp(later), &stamp(later))
    );
    api.advance(&clock, datetime!(2027-04-16 00:00 UTC));
    let ended = api.post(&path, &[("trial_end", "now"), ("expand[]", "latest_invoice")]);
    assert_eq!(
        (&ended["status"], &ended["latest_invoice"]["amount_paid"]),
        (&json!("active"), &json!(3500))
    );
    assert_eq!(
        ended["items"]["data"][0]["current_period_end"],
        stamp(datetime!(2027-05-16 00:00 UTC))
    );
}

#[test]
fn plan_change_during_a_trial_is_free() {
    let (api, _, sub) = trial(Some("pm_card_visa"), &[]);
    let bigger = api.monthly("Agency", "usd", "9900");
    let item = sub["items"]["data"][0]["id"].as_str().unwrap();
    let form = [
        ("items[0][id]", item),
        ("items[0][price]", &bigger),
        ("proration_behavior", "always_invoice"),
    ];
    let changed = api.post(&format!("/v1/subscriptions/{}", id(&sub)), &form);
    assert_eq!(
        (&changed["status"], &changed["latest_invoice"]),
        (&json!("trialing"), &sub["latest_invoice"])
    );
    let preview = api.post("/v1/invoices/create_preview", &[("subscription", &id(&sub))]);
    assert_eq!(amounts(&preview), [9900]);
}
