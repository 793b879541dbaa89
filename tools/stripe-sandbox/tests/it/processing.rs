//! Payments that are processing: settings, requests meanwhile, and cards.

use serde_json::{Value, json};
use time::Duration;

use crate::browse::card;
use crate::checkout::Shop;
use crate::debits::{Debtor, START, subscribed};
use crate::support::id;

const DAY: Duration = Duration::DAY;

impl Debtor {
    fn pay(&self, action: &str) -> String {
        format!("/v1/invoices/{}/{action}", id(&self.invoice()))
    }

    fn settle(&self, succeed: bool) -> Value {
        let path = format!("/payment_intents/{}/settle", id(&self.intent()));
        self.api.admin("POST", &path, &json!({ "succeed": succeed }))
    }
}

#[test]
fn settings_change_the_time_until_a_debit_ends() {
    let it = subscribed("pm_card_visa");
    let change = json!({ "debit_success_seconds": 60, "debit_failure_seconds": 30 });
    it.api.admin("POST", "/settings", &change);
    let base = it.api.monthly("Other", "usd", "1000");
    for (token, seconds, status) in
        [("pm_acssDebit", 60, "paid"), ("pm_acssDebit_noAccount", 30, "void")]
    {
        let clock = it.api.clock_at(START);
        let customer = it.api.customer(&clock, Some(token), &[]);
        let invoice = it.api.subscribe(&customer, &base, &[])["latest_invoice"].clone();
        let invoice = invoice.as_str().unwrap();
        it.api.advance(&clock, START + Duration::seconds(seconds - 1));
        assert_eq!(it.api.invoice(invoice)["status"], "open", "{token}");
        it.api.advance(&clock, START + Duration::seconds(seconds));
        assert_eq!(it.api.invoice(invoice)["status"], status, "{token}");
    }
}

#[test]
fn admin_request_ends_the_processing() {
    let it = subscribed("pm_usBankAccount_processing");
    it.api.advance(&it.clock, START + 20 * DAY);
    assert_eq!(it.states(), ["active", "open", "processing"]);
    assert_eq!(it.settle(true)["status"], "succeeded");
    assert_eq!(it.states(), ["active", "paid", "succeeded"]);

    let it = subscribed("pm_usBankAccount");
    let failed = it.settle(false);
    assert_eq!(failed["last_payment_error"]["code"], "generic_could_not_process");
    assert_eq!(it.states(), ["active", "void", "canceled"]);
    it.api.advance(&it.clock, START + 5 * DAY);
    assert_eq!(it.states(), ["active", "void", "canceled"], "the debit's own end is forgotten");

    let again = format!("/_sandbox/payment_intents/{}/settle", id(&it.intent()));
    for (path, status, error) in [
        (
            again.as_str(),
            400,
            "This PaymentIntent's status is canceled, so there is nothing to settle.",
        ),
        ("/_sandbox/payment_intents/pi_none/settle", 404, "No such payment_intent: 'pi_none'"),
    ] {
        let refusal = it.api.raw("POST", path, &[], r#"{"succeed": true}"#).unwrap();
        assert_eq!((refusal.status, &refusal.json), (status, &json!({ "error": error })));
    }
}

#[test]
fn invoice_is_neither_paid_again_nor_voided_while_its_payment_is_processing() {
    let it = subscribed("pm_usBankAccount");
    let refusal = it.api.refused(400, "POST", &it.pay("void"), &[]);
    assert_eq!(refusal.message(), "Invoices with `processing` payments cannot be voided.");
    let form = [("payment_method", "pm_card_visa")];
    let refusal = it.api.refused(400, "POST", &it.pay("pay"), &form);
    assert_eq!(refusal.code(), "payment_intent_unexpected_state");
    assert_eq!(it.states(), ["active", "open", "processing"]);

    let paid = it.api.post(&it.pay("pay"), &[("paid_out_of_band", "true")]);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(3500)));
    it.api.advance(&it.clock, START + 4 * DAY);
    assert_eq!(it.states(), ["active", "paid", "canceled"]);
}

#[test]
fn canceled_subscription_still_gets_the_debits_money_but_no_retry() {
    for (token, ends) in [
        ("pm_usBankAccount", ["canceled", "paid", "succeeded"]),
        ("pm_usBankAccount_noAccount", ["canceled", "open", "requires_payment_method"]),
    ] {
        let it = subscribed(token);
        it.api.delete(&format!("/v1/subscriptions/{}", it.sub), &[]);
        it.api.advance(&it.clock, START + 5 * DAY);
        assert_eq!(it.states(), ends, "{token}");
        assert_eq!(it.invoice()["next_payment_attempt"], Value::Null);
    }
}

#[test]
fn card_that_is_processing_activates_the_subscription_and_succeeds_later() {
    let it = subscribed("pm_card_processing");
    assert_eq!(it.states(), ["active", "open", "processing"]);
    let completes_at = (START + Duration::HOUR).unix_timestamp();
    let notification = json!({ "approval_requested": false, "completes_at": completes_at });
    assert_eq!(
        it.intent()["processing"],
        json!({ "type": "card", "card": { "customer_notification": notification } })
    );
    it.api.advance(&it.clock, START + Duration::HOUR);
    assert_eq!(it.states(), ["active", "paid", "succeeded"]);
    assert_eq!(it.intent()["processing"], Value::Null);
}

#[test]
fn pending_update_waits_for_a_card_that_is_processing() {
    let it = subscribed("pm_card_processing");
    it.api.advance(&it.clock, START + DAY);
    let item = id(&it.api.subscription(&it.sub)["items"]["data"][0]);
    let held = it.update(&[
        ("items[0][id]", &item),
        ("items[0][quantity]", "3"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ]);
    assert_eq!(held["items"]["data"][0]["quantity"], 1);
    assert_eq!(held["pending_update"]["subscription_items"][0]["quantity"], 3);
    assert_eq!(it.states(), ["active", "open", "processing"]);
    it.api.advance(&it.clock, START + DAY + Duration::HOUR);
    let applied = it.api.subscription(&it.sub);
    assert_eq!(applied["items"]["data"][0]["quantity"], 3);
    assert_eq!(applied["pending_update"], Value::Null);
    assert_eq!(it.states(), ["active", "paid", "succeeded"]);
}

#[test]
fn page_of_an_invoice_whose_payment_is_processing_asks_for_nothing() {
    let it = subscribed("pm_usBankAccount");
    let page = it.invoice()["hosted_invoice_url"].as_str().unwrap().to_owned();
    let shown = it.api.open(&page);
    shown.shows(200, "Your payment is processing");
    assert!(!shown.text.contains("<form"), "{}", shown.text);
    it.api.advance(&it.clock, START + 4 * DAY);
    it.api.open(&page).shows(200, "We received $35.00");
}

#[test]
fn checkout_with_a_card_that_is_processing_is_unpaid_until_it_succeeds() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    let page = session["url"].as_str().unwrap();
    shop.api.fill_in(page, &card("4000 0035 6000 0123")).redirect_target();
    let complete = shop.retrieve(&session);
    assert_eq!(
        (&complete["status"], &complete["payment_status"]),
        (&json!("complete"), &json!("unpaid"))
    );
    assert_eq!(
        shop.api.subscription(complete["subscription"].as_str().unwrap())["status"],
        "active"
    );
    let intent = id(&shop.api.intent(complete["invoice"].as_str().unwrap()));
    let path = format!("/payment_intents/{intent}/settle");
    shop.api.admin("POST", &path, &json!({ "succeed": true }));
    assert_eq!(shop.retrieve(&session)["payment_status"], "paid");
}
