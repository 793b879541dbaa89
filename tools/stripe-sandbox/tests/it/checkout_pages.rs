//! Subscribing on the checkout page.

use serde_json::{Value, json};

use crate::browse::{ASKS_ALWAYS, ASKS_ONCE, DECLINED, FAILS_LATER, VISA, card};
use crate::checkout::Shop;
use crate::support::{Api, Form, id};

fn page(session: &Value) -> String {
    session["url"].as_str().unwrap().to_owned()
}

impl Shop {
    fn subscriptions(&self) -> Vec<Value> {
        let form = [("customer", self.customer.as_str()), ("status", "all")];
        self.api.get("/v1/subscriptions", &form)["data"].as_array().unwrap().clone()
    }

    fn cards(&self) -> usize {
        let form = [("customer", self.customer.as_str())];
        self.api.get("/v1/payment_methods", &form)["data"].as_array().unwrap().len()
    }
}

fn done(session: &Value) -> String {
    format!("https://app.example/done?session={}", id(session))
}

#[test]
fn paying_creates_the_subscription_and_redirects_to_the_shop() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("cancel_url", "https://app.example/plans?a=1&b=2"),
        ("metadata[on]", "session"),
        ("subscription_data[metadata][on]", "subscription"),
    ]);
    let shown = shop.api.open(&page(&session));
    shown.shows(200, "Subscribe to Pro");
    shown.shows(200, "Subscribe and pay $35.00");
    shown.shows(200, "href=\"https://app.example/plans?a=1&amp;b=2\"");
    shown.shows(200, "ada@example.com");
    assert_eq!(shop.api.fill_in(&page(&session), &card(VISA)).redirect_target(), done(&session));

    let complete = shop.api.get(
        &format!("/v1/checkout/sessions/{}", id(&session)),
        &[("expand[]", "subscription"), ("expand[]", "invoice")],
    );
    assert_eq!(
        (&complete["status"], &complete["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    assert_eq!(complete["url"], Value::Null);
    let sub = &complete["subscription"];
    assert_eq!(
        (&sub["status"], &sub["metadata"]),
        (&json!("active"), &json!({ "on": "subscription" }))
    );
    assert_eq!(
        (&complete["invoice"]["status"], &complete["invoice"]["amount_paid"]),
        (&json!("paid"), &json!(3500))
    );
    assert_eq!(complete["invoice"]["billing_reason"], "subscription_create");
    let customer = shop.api.get(&format!("/v1/customers/{}", shop.customer), &[]);
    assert_eq!(
        customer["invoice_settings"]["default_payment_method"],
        sub["default_payment_method"]
    );
    assert!(sub["default_payment_method"].is_string());
}

#[test]
fn complete_session_cannot_be_reused_and_is_listed_by_subscription() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    shop.api.fill_in(&page(&session), &card(VISA)).redirect_target();
    // A completed session cannot expire or be used again.
    shop.api.open(&page(&session)).shows(200, "All done");
    shop.api.fill_in(&page(&session), &card(VISA)).shows(200, "All done");
    shop.api.refused(400, "POST", &format!("/v1/checkout/sessions/{}/expire", id(&session)), &[]);
    let subs = shop.subscriptions();
    assert_eq!(subs.len(), 1);
    let by_subscription = [("subscription", subs[0]["id"].as_str().unwrap())];
    let listed = shop.api.get("/v1/checkout/sessions", &by_subscription);
    assert_eq!(listed["data"][0]["id"], session["id"]);
}

#[test]
fn declined_card_can_be_replaced() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    for number in [DECLINED, FAILS_LATER] {
        let refused = shop.api.fill_in(&page(&session), &card(number));
        refused.shows(402, "Your card was declined.");
        refused.shows(402, "href=\"#number\"");
    }
    let funds = shop.api.fill_in(&page(&session), &card("4000000000009995"));
    funds.shows(402, "insufficient funds");
    shop.api.fill_in(&page(&session), &card("4000000000000127")).shows(402, "href=\"#cvc\"");
    assert_eq!((shop.subscriptions().len(), shop.cards()), (0, 0));
    assert_eq!(shop.retrieve(&session)["status"], "open");
    assert_eq!(shop.api.fill_in(&page(&session), &card(VISA)).redirect_target(), done(&session));
    assert_eq!((shop.subscriptions().len(), shop.cards()), (1, 1));
}

#[test]
fn invalid_input_is_reported_at_its_field_and_escaped() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    let form = [("number", "4242"), ("expiry", "13/39"), ("cvc", ""), ("name", "\"><b>Ada")];
    let refused = shop.api.fill_in(&page(&session), &form);
    refused.shows(422, "There are problems");
    for (field, text) in
        [("number", "not complete"), ("expiry", "01 and 12"), ("cvc", "Enter the security code")]
    {
        refused.shows(422, &format!("href=\"#{field}\""));
        refused.shows(422, text);
    }
    assert!(!refused.text.contains("<b>Ada"), "{}", refused.text);
    assert_eq!(shop.subscriptions().len(), 0);
}

#[test]
fn catalog_names_are_escaped() {
    let shop = Shop::new();
    let evil = shop.api.monthly("<img src=x onerror=alert(1)>", "usd", "100");
    let session = shop.session(&[("line_items[0][price]", &evil)]);
    let shown = shop.api.open(&page(&session));
    shown.shows(200, "&lt;img src=x");
    assert!(!shown.text.contains("<img"));
}

#[test]
fn authentication_completes_the_payment() {
    for (number, renews) in [(ASKS_ONCE, true), (ASKS_ALWAYS, false)] {
        let shop = Shop::new();
        let session = shop.session(&[]);
        let asked = shop.api.fill_in(&page(&session), &card(number)).redirect_target().to_owned();
        assert_eq!(asked, format!("/c/pay/{}/authenticate", id(&session)));
        shop.api.open(&asked).shows(200, "$35.00");
        assert_eq!(shop.subscriptions().len(), 0);
        assert_eq!(
            shop.api.fill_in(&asked, &[("outcome", "complete")]).redirect_target(),
            done(&session)
        );
        let sub = &shop.subscriptions()[0];
        assert_eq!(sub["status"], "active");
        let invoice = shop.api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!((&invoice["status"], &invoice["attempt_count"]), (&json!("paid"), &json!(1)));
        assert_eq!(shop.api.intent(&id(&invoice))["status"], "succeeded");
        // Only the first card accepts renewals after one authentication.
        shop.api.pass(32 * 24 * 3600);
        let renewed = shop.api.subscription(&id(sub))["status"] == "active";
        assert_eq!(renewed, renews, "{number}");
    }
}

#[test]
fn failed_authentication_creates_nothing_and_can_be_retried() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    let asked = shop.api.fill_in(&page(&session), &card(ASKS_ALWAYS)).redirect_target().to_owned();
    let failed = shop.api.fill_in(&asked, &[("outcome", "fail")]);
    failed.shows(402, "unable to authenticate");
    failed.shows(402, &format!("action=\"/c/pay/{}\"", id(&session)));
    assert_eq!((shop.subscriptions().len(), shop.cards()), (0, 0));
    assert_eq!(shop.api.open(&asked).redirect_target(), format!("/c/pay/{}", id(&session)));
    assert_eq!(shop.api.fill_in(&page(&session), &card(VISA)).redirect_target(), done(&session));
}

#[test]
fn free_plan_needs_no_card_with_if_required() {
    let shop = Shop::with("0");
    let session = shop.session(&[("payment_method_collection", "if_required")]);
    let shown = shop.api.open(&page(&session));
    shown.shows(200, "Start plan");
    assert!(!shown.text.contains("Card number"));
    assert_eq!(shop.api.fill_in(&page(&session), &[]).redirect_target(), done(&session));
    let complete = shop.retrieve(&session);
    assert_eq!(complete["payment_status"], "no_payment_required");
    assert_eq!(shop.subscriptions()[0]["status"], "active");
    // By default the card is required.
    let session = shop.session(&[]);
    shop.api.open(&page(&session)).shows(200, "Card number");
    shop.api.fill_in(&page(&session), &[]).shows(422, "Enter the card number.");
}

#[test]
fn trial_saves_the_card_without_a_charge() {
    let shop = Shop::new();
    let session = shop.session(&[("subscription_data[trial_period_days]", "14")]);
    shop.api.open(&page(&session)).shows(200, "Start trial");
    // Saved now, declined at the end of the trial.
    assert_eq!(
        shop.api.fill_in(&page(&session), &card(FAILS_LATER)).redirect_target(),
        done(&session)
    );
    assert_eq!(shop.retrieve(&session)["payment_status"], "no_payment_required");
    let sub = id(&shop.subscriptions()[0]);
    assert_eq!(shop.api.subscription(&sub)["status"], "trialing");
    shop.api.pass(15 * 24 * 3600);
    assert_eq!(shop.api.subscription(&sub)["status"], "past_due");
}

#[test]
fn expired_session_shows_a_message_and_creates_nothing() {
    let shop = Shop::new();
    let session = shop.session(&[("cancel_url", "https://app.example/plans")]);
    shop.api.pass(24 * 3600 + 1);
    let shown = shop.api.open(&page(&session));
    shown.shows(410, "This page has expired");
    shown.shows(410, "https://app.example/plans");
    shop.api.fill_in(&page(&session), &card(VISA)).shows(410, "This page has expired");
    assert_eq!(shop.subscriptions().len(), 0);
    shop.api.open("/c/pay/cs_test_none").shows(404, "No such checkout session");
}

#[test]
fn embedded_session_page_uses_the_client_secret() {
    let shop = Shop::new();
    let back = ("return_url", "https://app.example/back/{CHECKOUT_SESSION_ID}/ü");
    let session = shop.session(&[("ui_mode", "embedded_page"), ("success_url", ""), back]);
    let url = format!("/c/embed/{}", session["client_secret"].as_str().unwrap());
    shop.api.open(&url).shows(200, "Subscribe to Pro");
    shop.api.open(&format!("/c/pay/{}", id(&session))).shows(404, "No such");
    shop.api.open(&format!("/c/embed/{}_secret_guess", id(&session))).shows(404, "No such");
    let target = format!("https://app.example/back/{}/%C3%BC", id(&session));
    assert_eq!(shop.api.fill_in(&url, &card(VISA)).redirect_target(), target);
    let silent: Form<'_> =
        &[("ui_mode", "embedded_page"), ("success_url", ""), ("redirect_on_completion", "never")];
    let session = shop.session(silent);
    let url = format!("/c/embed/{}", session["client_secret"].as_str().unwrap());
    shop.api.fill_in(&url, &card(VISA)).shows(200, "All done");
}

#[test]
fn session_without_customer_asks_for_email_and_creates_a_customer() {
    let shop = Shop::new();
    let session = shop.session(&[("customer", "")]);
    assert_eq!(
        (&session["customer"], &session["customer_creation"]),
        (&Value::Null, &json!("always"))
    );
    shop.api.fill_in(&page(&session), &card(VISA)).shows(422, "Enter an email address");
    let declined = [&card(DECLINED)[..], &[("email", "bob@example.com")]].concat();
    shop.api.fill_in(&page(&session), &declined).shows(402, "declined");
    let by_email = [("email", "bob@example.com")];
    assert_eq!(shop.api.get("/v1/customers", &by_email)["data"], json!([]));
    let form = [&card(VISA)[..], &[("email", "bob@example.com")]].concat();
    shop.api.fill_in(&page(&session), &form).redirect_target();
    let made = &shop.api.get("/v1/customers", &by_email)["data"][0];
    let complete = shop.retrieve(&session);
    assert_eq!(complete["customer"], made["id"]);
    assert_eq!(complete["customer_details"]["email"], "bob@example.com");
}

#[test]
fn automatic_tax_asks_for_the_address_and_saves_it_if_allowed() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("automatic_tax[enabled]", "true"),
        ("customer_update[address]", "auto"),
        ("customer_update[name]", "auto"),
    ]);
    shop.api.fill_in(&page(&session), &card(VISA)).shows(422, "two letters");
    let form = [&card(VISA)[..], &[("country", "de"), ("postal_code", "10115")]].concat();
    shop.api.fill_in(&page(&session), &form).redirect_target();
    let customer = shop.api.get(&format!("/v1/customers/{}", shop.customer), &[]);
    assert_eq!(
        (&customer["name"], &customer["address"]["country"]),
        (&json!("Ada Lovelace"), &json!("DE"))
    );
    assert_eq!(shop.retrieve(&session)["automatic_tax"]["status"], "complete");
}

#[test]
fn session_uses_the_clock_of_its_customer() {
    use time::macros::datetime;
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let customer = api.customer(&clock, None, &[]);
    let price = api.monthly("Pro", "usd", "3500");
    let form = [
        ("mode", "subscription"),
        ("customer", customer.as_str()),
        ("line_items[0][price]", &price),
        ("line_items[0][quantity]", "3"),
        ("success_url", "https://app.example/"),
    ];
    let (first, second) =
        (api.post("/v1/checkout/sessions", &form), api.post("/v1/checkout/sessions", &form));
    assert_eq!(first["created"], datetime!(2027-04-01 00:00 UTC).unix_timestamp());
    api.open(&page(&first)).shows(200, "$105.00");
    api.fill_in(&page(&first), &card(VISA)).redirect_target();
    api.advance(&clock, datetime!(2027-04-02 00:00 UTC));
    api.open(&page(&second)).shows(410, "expired");
}
