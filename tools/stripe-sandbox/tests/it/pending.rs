//! Pending updates (`payment_behavior=pending_if_incomplete`).

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, at_the_middle};
use crate::support::{Form, amounts, id, stamp};

const PENDING: [(&str, &str); 2] =
    [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];

/// Returns an upgrade from 20 to 50 dollars whose payment failed.
fn waiting(card: &str, more: Form<'_>) -> (Case, String, Value) {
    let case = at_the_middle("2000", &[("metadata[kept]", "yes")]);
    case.credit("-400");
    case.use_card(card);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed = case.change(&bigger, &[&PENDING, more].concat());
    (case, bigger, changed)
}

fn items(object: &Value) -> Vec<Value> {
    object.as_array().unwrap().iter().map(|item| item["price"]["id"].clone()).collect()
}

/// Returns the changed fields, without those that differ between subscriptions.
fn state(case: &Case) -> Value {
    let sub = case.shown();
    let items: Vec<Value> = sub["items"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let price = &item["price"];
            json!([
                price["unit_amount"],
                item["quantity"],
                item["current_period_start"],
                item["current_period_end"]
            ])
        })
        .collect();
    json!([
        sub["status"],
        sub["billing_cycle_anchor"],
        sub["metadata"],
        sub["pending_update"],
        items
    ])
}

#[test]
fn declined_change_becomes_a_pending_update() {
    let (case, bigger, changed) =
        waiting("pm_card_chargeCustomerFail", &[("metadata[operation]", "7")]);
    assert_eq!(changed["status"], "active");
    assert_eq!(changed["items"]["data"][0]["price"]["unit_amount"], 2000);
    assert_eq!(changed["metadata"], json!({ "kept": "yes" }));

    let typed: stripe_shared::Subscription =
        miniserde::json::from_str(&case.shown().to_string()).unwrap();
    assert_eq!(typed.pending_update.unwrap().subscription_items.unwrap().len(), 1);
    let pending = &changed["pending_update"];
    assert_eq!(items(&pending["subscription_items"]), [bigger]);
    assert_eq!(pending["subscription_items"][0]["id"], case.item);
    assert_eq!(pending["metadata"], json!({ "operation": "7" }));
    assert_eq!(pending["expires_at"], MIDDLE.unix_timestamp() + 23 * 3600);
    for null in ["billing_cycle_anchor", "cancel_at_period_end", "discounts", "trial_end"] {
        assert_eq!(pending[null], Value::Null, "{null}");
    }

    let invoice = &changed["latest_invoice"];
    assert_eq!((&invoice["status"], &invoice["attempted"]), (&json!("open"), &json!(true)));
    assert_eq!(
        (&invoice["attempt_count"], &invoice["next_payment_attempt"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!((amounts(invoice), &invoice["amount_due"]), (vec![-1000, 2500], &json!(1100)));
    let intent = case.api.intent(&id(invoice));
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_payment_error"]["code"], "card_declined");
}

#[test]
fn paying_the_invoice_applies_the_pending_update() {
    let year: Form<'_> = &[("billing_cycle_anchor[type]", "now")];
    for more in [&[][..], year] {
        let form = [more, &[("metadata[operation]", "7"), ("items[0][quantity]", "3")]].concat();
        let (case, _, changed) = waiting("pm_card_chargeCustomerFail", &form);
        let invoice = id(&changed["latest_invoice"]);
        case.api.advance(&case.clock, datetime!(2027-04-16 20:00 UTC));
        case.api
            .post(&format!("/v1/invoices/{invoice}/pay"), &[("payment_method", "pm_card_visa")]);
        assert_eq!(case.shown()["pending_update"], Value::Null);

        let (at_once, _, paid) = waiting("pm_card_visa", &form);
        assert_eq!(paid["pending_update"], Value::Null);
        assert_eq!(state(&case), state(&at_once));
        // A later change credits the charged amounts.
        for case in [&case, &at_once] {
            case.api.advance(&case.clock, datetime!(2027-04-21 00:00 UTC));
        }
        let credited = |case: &Case| {
            let hobby = case.api.monthly("Hobby", "usd", "0");
            let path = "subscription_details[proration_behavior]";
            amounts(&case.preview(&hobby, &[(path, "always_invoice")]))
        };
        assert_eq!(credited(&case), credited(&at_once));
    }
}

#[test]
fn authenticated_payment_applies_the_pending_update_and_a_failed_one_keeps_it() {
    let (case, bigger, changed) = waiting("pm_card_authenticationRequired", &[]);
    assert_eq!(changed["status"], "active");
    let invoice = id(&changed["latest_invoice"]);
    let intent = case.api.intent(&invoice);
    assert_eq!(
        (&intent["status"], &intent["last_payment_error"]),
        (&json!("requires_action"), &Value::Null)
    );
    let path = format!("/payment_intents/{}/authenticate", id(&intent));
    let failed = case.api.admin("POST", &path, &json!({ "succeed": false }));
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(failed["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert!(case.shown()["pending_update"].is_object());

    // The customer tries again.
    case.api.refused(402, "POST", &format!("/v1/invoices/{invoice}/pay"), &[]);
    let done = case.api.admin("POST", &path, &json!({ "succeed": true }));
    assert_eq!(done["status"], "succeeded");
    for (path, status) in [(path.as_str(), 400), ("/payment_intents/pi_none/authenticate", 404)] {
        let path = format!("/_sandbox{path}");
        let refusal = case.api.raw("POST", &path, &[], r#"{ "succeed": true }"#).unwrap();
        assert_eq!(refusal.status, status);
    }
    let sub = case.shown();
    assert_eq!((&sub["pending_update"], &sub["status"]), (&Value::Null, &json!("active")));
    assert_eq!(items(&sub["items"]["data"]), [bigger]);
    let paid = case.api.invoice(&invoice);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(1100)));
    assert_eq!(paid["payments"]["data"][0]["status"], "paid");
}

#[test]
fn pending_update_refuses_unsupported_parameters() {
    let case = at_the_middle("2000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let path = format!("/v1/subscriptions/{}", case.sub);
    let change = [("items[0][id]", case.item.as_str()), ("items[0][price]", &bigger)];
    for (name, value) in [
        ("default_payment_method", "pm_card_visa"),
        ("automatic_tax[enabled]", "false"),
        ("default_tax_rates[0]", "txr_1"),
        ("cancel_at", "1900000000"),
        ("description", "Pro"),
        ("off_session", "true"),
        ("items[0][tax_rates][0]", "txr_1"),
        ("items[0][metadata][a]", "b"),
    ] {
        let form = [&change[..], &PENDING, &[(name, value)]].concat();
        let refusal = case.api.refused(400, "POST", &path, &form);
        assert!(refusal.message().contains("pending_if_incomplete"), "{name}: {}", refusal.text);
    }
    let form = [&change[..], &PENDING, &[("cancel_at_period_end", "true")]].concat();
    let changed = case.api.post(&path, &form);
    assert_eq!(
        (&changed["pending_update"], &changed["cancel_at_period_end"]),
        (&Value::Null, &json!(true))
    );
}

#[test]
fn pending_update_with_all_parameters_is_shown_and_applied() {
    let case = at_the_middle("2000", &[]);
    let failing = case.use_card("pm_card_chargeCustomerFail");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let half = id(&case.api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "forever")]));
    let form = [
        ("billing_cycle_anchor[type]", "now"),
        ("cancel_at_period_end", "true"),
        ("discounts[0][coupon]", half.as_str()),
    ];
    let changed = case.change(&bigger, &[&PENDING, &form[..]].concat());
    let pending = &changed["pending_update"];
    assert_eq!(pending["billing_cycle_anchor"], stamp(MIDDLE));
    assert_eq!(pending["cancel_at_period_end"], true);
    assert_eq!(pending["discounts"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&changed["discounts"], &changed["cancel_at_period_end"]),
        (&json!([]), &json!(false))
    );
    let invoice = id(&changed["latest_invoice"]);
    assert_eq!(changed["latest_invoice"]["total"], 1500, "half of 5000, less half of 2000");
    assert_eq!(case.api.get(&format!("/v1/coupons/{half}"), &[])["times_redeemed"], 0);

    let form = [("payment_method", "pm_card_visa")];
    case.api.post(&format!("/v1/invoices/{invoice}/pay"), &form);
    let sub = case.shown();
    assert_eq!(sub["billing_cycle_anchor"], stamp(MIDDLE));
    assert_eq!(sub["discounts"], pending["discounts"]);
    assert_eq!(sub["cancel_at"], stamp(datetime!(2027-05-16 00:00 UTC)));
    assert_eq!(sub["default_payment_method"], failing, "a card that paid once is not kept");
    assert_eq!(case.api.get(&format!("/v1/coupons/{half}"), &[])["times_redeemed"], 1);
}

#[test]
fn trial_end_can_be_a_pending_update() {
    let end = (MIDDLE.unix_timestamp() + 6 * 3600).to_string();
    let case = at_the_middle("2000", &[("trial_end", &end)]);
    case.use_card("pm_card_chargeCustomerFail");
    let path = format!("/v1/subscriptions/{}", case.sub);
    let form = [("trial_end", "now"), PENDING[1], ("expand[]", "latest_invoice")];
    let changed = case.api.post(&path, &form);
    assert_eq!(changed["status"], "trialing");
    let pending = &changed["pending_update"];
    assert_eq!(pending["trial_end"], stamp(MIDDLE));
    assert_eq!(pending["expires_at"].to_string(), end, "no later than the trial");
    assert_eq!(amounts(&changed["latest_invoice"]), [2000]);
    let pay = format!("/v1/invoices/{}/pay", id(&changed["latest_invoice"]));
    case.api.post(&pay, &[("payment_method", "pm_card_visa")]);
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["trial_end"]), (&json!("active"), &stamp(MIDDLE)));
    assert_eq!(
        sub["items"]["data"][0]["current_period_end"],
        stamp(datetime!(2027-05-16 00:00 UTC))
    );
}
