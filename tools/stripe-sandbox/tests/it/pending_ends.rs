//! Pending updates that are discarded.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, at_the_middle};
use crate::support::{amounts, id};

const PENDING: [(&str, &str); 2] =
    [("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];

/// Returns an upgrade from 20 to 50 dollars that was declined, with a credit of 4 on its invoice.
fn declined() -> (Case, String) {
    let case = at_the_middle("2000", &[]);
    case.credit("-400");
    case.use_card("pm_card_chargeCustomerFail");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed = case.change(&bigger, &[&PENDING[..], &[("metadata[operation]", "7")]].concat());
    assert_eq!(case.balance(), 0);
    let invoice = id(&changed["latest_invoice"]);
    (case, invoice)
}

#[track_caller]
fn nothing_came_of_it(case: &Case, invoice: &str) {
    let voided = case.api.invoice(invoice);
    assert_eq!((&voided["status"], &voided["attempt_count"]), (&json!("void"), &json!(1)));
    assert_eq!(voided["payments"]["data"][0]["status"], "canceled");
    assert_eq!(case.api.intent(invoice)["status"], "canceled");
    let sub = case.shown();
    assert_eq!((&sub["pending_update"], &sub["metadata"]), (&Value::Null, &json!({})));
    assert_eq!(sub["items"]["data"][0]["price"]["unit_amount"], 2000);
    assert_eq!(case.balance(), -400);
}

#[test]
fn voided_invoice_discards_the_pending_update_and_restores_the_balance() {
    let (case, invoice) = declined();
    case.api.post(&format!("/v1/invoices/{invoice}/void"), &[]);
    nothing_came_of_it(&case, &invoice);
    assert_eq!(case.shown()["status"], "active");
    case.api.refused(400, "POST", &format!("/v1/invoices/{invoice}/pay"), &[]);
}

#[test]
fn pending_update_expires_after_23_hours_without_retries() {
    let (case, invoice) = declined();
    case.api.advance(&case.clock, datetime!(2027-04-16 22:59:59 UTC));
    let open = case.api.invoice(&invoice);
    assert_eq!((&open["status"], &open["attempt_count"]), (&json!("open"), &json!(1)));
    assert_eq!(case.shown()["status"], "active");
    case.api.advance(&case.clock, datetime!(2027-04-16 23:00 UTC));
    nothing_came_of_it(&case, &invoice);

    // The renewal is a regular one.
    case.use_card("pm_card_visa");
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = case.api.invoices(&case.sub).remove(0);
    assert_eq!((amounts(&renewal), &renewal["amount_paid"]), (vec![2000], &json!(1600)));
}

#[test]
fn pending_update_expires_at_the_period_end_at_the_latest() {
    let case = at_the_middle("2000", &[]);
    case.use_card("pm_card_chargeCustomerFail");
    let end = datetime!(2027-05-01 00:00 UTC);
    case.api.advance(&case.clock, datetime!(2027-04-30 18:00 UTC));
    let bigger = case.api.monthly("Pro", "usd", "9900");
    let reset = [("billing_cycle_anchor[type]", "now"), PENDING[1]];
    let changed = case.change(&bigger, &reset);
    assert_eq!(changed["pending_update"]["expires_at"], end.unix_timestamp());
    case.api.advance(&case.clock, end);
    let [renewal, voided, _] = case.api.invoices(&case.sub).try_into().unwrap();
    assert_eq!(voided["status"], "void");
    assert_eq!((&renewal["status"], amounts(&renewal)), (&json!("draft"), vec![2000]));
    assert_eq!(case.shown()["pending_update"], Value::Null);
}

#[test]
fn later_change_replaces_the_pending_update_with_restored_balance() {
    let (case, invoice) = declined();
    case.use_card("pm_card_visa");
    let other = case.api.monthly("Agency", "usd", "9900");
    let preview =
        case.preview(&other, &[("subscription_details[proration_behavior]", "always_invoice")]);
    let changed = case.change(&other, &PENDING);
    let paid = &changed["latest_invoice"];
    for (name, shown) in [("preview", &preview), ("invoice", paid)] {
        assert_eq!(
            (amounts(shown), &shown["amount_due"]),
            (vec![-1000, 4950], &json!(3550)),
            "{name}"
        );
        assert_eq!(shown["starting_balance"], -400, "{name}");
    }
    assert_eq!(case.api.invoice(&invoice)["status"], "void");
    assert_eq!((&changed["pending_update"], &changed["metadata"]), (&Value::Null, &json!({})));
    assert_eq!((case.balance(), &paid["status"]), (json!(0), &json!("paid")));
}

#[test]
fn new_pending_update_replaces_the_previous_one() {
    let (case, first) = declined();
    let other = case.api.monthly("Agency", "usd", "9900");
    let changed = case.change(&other, &PENDING);
    assert_eq!(case.api.invoice(&first)["status"], "void");
    assert_eq!(changed["pending_update"]["subscription_items"][0]["price"]["id"], other);
    let second = id(&changed["latest_invoice"]);
    assert_eq!(
        (&changed["latest_invoice"]["starting_balance"], case.balance()),
        (&json!(-400), json!(0))
    );
    case.api.post(&format!("/v1/invoices/{second}/void"), &[]);
    nothing_came_of_it(&case, &second);
}

#[test]
fn compatible_and_refused_updates_keep_the_pending_update() {
    let (case, invoice) = declined();
    let path = format!("/v1/subscriptions/{}", case.sub);
    let noted = case.api.post(&path, &[("metadata[note]", "1"), ("description", "Yes")]);
    assert!(noted["pending_update"].is_object());
    let other = case.api.monthly("Agency", "usd", "9900");
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][price]", &other),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "error_if_incomplete"),
    ];
    case.api.refused(402, "POST", &path, &form);
    assert!(case.shown()["pending_update"].is_object());
    assert_eq!(case.api.invoice(&invoice)["status"], "open");
    case.api.post(&format!("/v1/invoices/{invoice}/pay"), &[("payment_method", "pm_card_visa")]);
    let sub = case.shown();
    assert_eq!(sub["metadata"], json!({ "note": "1", "operation": "7" }));
    assert_eq!(
        (&sub["description"], &sub["items"]["data"][0]["price"]["unit_amount"]),
        (&json!("Yes"), &json!(5000))
    );
}

#[test]
fn opposite_cancellation_discards_the_pending_update() {
    let case = at_the_middle("2000", &[]);
    case.use_card("pm_card_chargeCustomerFail");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed =
        case.change(&bigger, &[&PENDING[..], &[("cancel_at_period_end", "true")]].concat());
    assert_eq!(changed["pending_update"]["cancel_at_period_end"], true);
    let path = format!("/v1/subscriptions/{}", case.sub);
    let same = case.api.post(&path, &[("cancel_at_period_end", "true")]);
    assert!(same["pending_update"].is_object());
    let other = case.api.post(&path, &[("cancel_at_period_end", "false")]);
    assert_eq!(other["pending_update"], Value::Null);
    assert_eq!(case.api.invoice(&id(&changed["latest_invoice"]))["status"], "void");
}

#[test]
fn cancellation_discards_the_pending_update() {
    let (case, invoice) = declined();
    let ended = case.api.delete(&format!("/v1/subscriptions/{}", case.sub), &[]);
    assert_eq!((&ended["status"], &ended["pending_update"]), (&json!("canceled"), &Value::Null));
    assert_eq!(case.api.invoice(&invoice)["status"], "void");
    assert_eq!(case.balance(), -400);
}

#[test]
fn paying_an_older_invoice_keeps_the_subscription_active() {
    let (case, _) = declined();
    let form = [("customer", case.customer.as_str()), ("subscription", &case.sub)];
    let draft = case.api.post("/v1/invoices", &[&form[..], &[("auto_advance", "false")]].concat());
    case.api.post(&format!("/v1/invoices/{}/pay", id(&draft)), &[]);
    let sub = case.shown();
    assert!(sub["pending_update"].is_object());
    assert_eq!(
        (&sub["status"], stamp_of(&sub)),
        (&json!("active"), MIDDLE.unix_timestamp() + 23 * 3600)
    );
}

fn stamp_of(sub: &Value) -> i64 {
    sub["pending_update"]["expires_at"].as_i64().unwrap()
}

#[test]
fn change_refused_for_authentication_stores_nothing() {
    let case = at_the_middle("2000", &[]);
    case.credit("-100");
    case.use_card("pm_card_authenticationRequired");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let half = id(&case.api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "once")]));
    let before = case.shown();
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][price]", &bigger),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "error_if_incomplete"),
        ("discounts[0][coupon]", &half),
        ("metadata[operation]", "7"),
    ];
    let path = format!("/v1/subscriptions/{}", case.sub);
    let refusal = case.api.refused(402, "POST", &path, &form);
    assert_eq!(refusal.code(), "subscription_payment_intent_requires_action");
    assert_eq!((case.shown(), case.balance()), (before, json!(-100)));
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
    assert_eq!(case.api.get(&format!("/v1/coupons/{half}"), &[])["times_redeemed"], 0);
    let items = case.api.get("/v1/invoiceitems", &[("customer", &case.customer)]);
    assert_eq!(items["data"], json!([]));
}
