//! Paying an invoice on its hosted page.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::browse::{ASKS_ALWAYS, DECLINED, VISA, card};
use crate::support::{Api, id};

/// Renewal that could not be collected from the card on file.
struct Overdue {
    api: Api,
    customer: String,
    sub: String,
    invoice: String,
    page: String,
}

fn overdue(token: &str) -> Overdue {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[("name", "Ada <Lovelace>")]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    let attached =
        id(&api.post(&format!("/v1/payment_methods/{token}/attach"), &[("customer", &customer)]));
    let form = [("invoice_settings[default_payment_method]", attached.as_str())];
    api.post(&format!("/v1/customers/{customer}"), &form);
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    let invoice = &api.invoices(&sub)[0];
    let (invoice, page) = (id(invoice), invoice["hosted_invoice_url"].as_str().unwrap().to_owned());
    Overdue { api, customer, sub, invoice, page }
}

impl Overdue {
    fn states(&self) -> (Value, Value) {
        let invoice = self.api.invoice(&self.invoice)["status"].clone();
        (invoice, self.api.subscription(&self.sub)["status"].clone())
    }

    fn default_card(&self) -> Value {
        self.api.get(
            &format!("/v1/customers/{}", self.customer),
            &[("expand[]", "invoice_settings.default_payment_method")],
        )["invoice_settings"]["default_payment_method"]["card"]["last4"]
            .clone()
    }

    fn with(&self, number: &str, keep: bool) -> crate::support::Reply {
        let mut form = card(number);
        if keep {
            form.push(("keep", "1"));
        }
        self.api.fill_in(&self.page, &form)
    }
}

#[test]
fn overdue_invoice_is_paid_with_a_new_default_card() {
    let it = overdue("pm_card_chargeCustomerFail");
    let shown = it.api.open(&it.page);
    for text in [
        "Payment due",
        "$35.00",
        "Ada &lt;Lovelace&gt;",
        "The last attempt failed",
        "ending in 0341",
    ] {
        shown.shows(200, text);
    }
    assert_eq!(it.states(), (json!("open"), json!("past_due")));
    let path = it.page.strip_prefix(it.api.url()).unwrap();
    assert_eq!(it.with(VISA, true).redirect_target(), path);
    it.api.open(&it.page).shows(200, "We received $35.00");
    assert_eq!(it.states(), (json!("paid"), json!("active")));
    assert_eq!(it.default_card(), "4242");
    // A second payment is not possible.
    assert_eq!(it.with(VISA, true).redirect_target(), path);
    assert_eq!(it.api.invoice(&it.invoice)["amount_paid"], 3500);
}

#[test]
fn card_without_keep_pays_once() {
    let it = overdue("pm_card_chargeCustomerFail");
    it.with(VISA, false).redirect_target();
    assert_eq!((it.states().0, it.default_card()), (json!("paid"), json!("0341")));
}

#[test]
fn declined_payment_leaves_the_invoice_payable() {
    let it = overdue("pm_card_chargeCustomerFail");
    it.with(DECLINED, true).shows(402, "Your card was declined.");
    it.api.fill_in(&it.page, &[("with", "saved")]).shows(402, "Your card was declined.");
    it.api.fill_in(&it.page, &[]).shows(422, "Enter the card number.");
    assert_eq!(it.states(), (json!("open"), json!("past_due")));
    assert_eq!(it.default_card(), "0341");
    assert_eq!(it.api.intent(&it.invoice)["last_payment_error"]["code"], "card_declined");
    it.with(VISA, true).redirect_target();
    assert_eq!(it.states(), (json!("paid"), json!("active")));
}

#[test]
fn payment_requiring_authentication_can_be_confirmed() {
    let it = overdue("pm_card_authenticationRequired");
    let path = it.page.strip_prefix(it.api.url()).unwrap();
    it.api.open(&it.page).shows(200, "Authenticate");
    let ask = format!("{path}/authenticate");
    it.api.open(&ask).shows(200, "Confirm it is you");
    let failed = it.api.fill_in(&ask, &[("outcome", "fail")]);
    failed.shows(402, "unable to authenticate");
    let intent = it.api.intent(&it.invoice);
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert_eq!(it.states(), (json!("open"), json!("past_due")));
    // Again with the card on file, authenticated this time.
    let asked = it.api.fill_in(&it.page, &[("with", "saved")]).redirect_target().to_owned();
    assert_eq!(it.api.fill_in(&asked, &[("outcome", "complete")]).redirect_target(), path);
    assert_eq!(it.states(), (json!("paid"), json!("active")));
    assert_eq!(it.api.intent(&it.invoice)["status"], "succeeded");
    assert_eq!(it.api.open(&ask).redirect_target(), path);
}

#[test]
fn new_card_is_saved_after_authentication() {
    let it = overdue("pm_card_chargeCustomerFail");
    let asked = it.with(ASKS_ALWAYS, true).redirect_target().to_owned();
    assert_eq!(it.default_card(), "0341");
    it.api.fill_in(&asked, &[("outcome", "complete")]).redirect_target();
    assert_eq!((it.states().0, it.default_card()), (json!("paid"), json!("3184")));
}

#[test]
fn paying_the_first_invoice_activates_the_subscription() {
    let api = Api::new();
    let base = api.monthly("Pro", "usd", "3500");
    let customer = id(&api.post("/v1/customers", &[]));
    let sub = api.subscribe(&customer, &base, &[("payment_behavior", "default_incomplete")]);
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    let page = invoice["hosted_invoice_url"].as_str().unwrap();
    let form = [&card(VISA)[..], &[("keep", "1")]].concat();
    api.fill_in(page, &form).redirect_target();
    let sub = api.subscription(&id(&sub));
    assert_eq!(sub["status"], "active");
    assert!(sub["default_payment_method"].is_string());
}

#[test]
fn incomplete_link_does_not_show_the_invoice() {
    let it = overdue("pm_card_chargeCustomerFail");
    it.api.open(&format!("/i/{}", it.invoice)).shows(404, "No such invoice");
    it.api.open(&format!("/i/{}.x", it.invoice)).shows(404, "No such invoice");
    it.api.open(&format!("{}/pdf", it.page)).shows(200, "Invoice");
    it.api.post(&format!("/v1/invoices/{}/void", it.invoice), &[]);
    let shown = it.api.open(&it.page);
    shown.shows(200, "Void");
    assert!(!shown.text.contains("Card number"));
}
