//! `/v1/checkout/sessions`: parameters, refusals and expiry.

use serde_json::{Value, json};
use stripe_sandbox::Config;

use crate::support::{Api, Form, id};

pub const SUCCESS: &str = "https://app.example/done?session={CHECKOUT_SESSION_ID}";

/// Sandbox with a plan and a customer without a card.
pub struct Shop {
    pub api: Api,
    pub price: String,
    pub customer: String,
}

impl Shop {
    pub fn new() -> Shop {
        Shop::with("3500")
    }

    pub fn with(amount: &str) -> Shop {
        let api = Api::new();
        let price = api.monthly("Pro", "usd", amount);
        let customer = id(&api.post("/v1/customers", &[("email", "ada@example.com")]));
        Shop { api, price, customer }
    }

    /// Returns the parameters of a hosted session for the plan, and additional ones.
    fn form<'a>(&'a self, more: Form<'a>) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("mode", "subscription"),
            ("customer", self.customer.as_str()),
            ("line_items[0][price]", &self.price),
            ("line_items[0][quantity]", "1"),
            ("success_url", SUCCESS),
        ];
        form.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
        form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        form
    }

    #[track_caller]
    pub fn session(&self, more: Form<'_>) -> Value {
        self.api.post("/v1/checkout/sessions", &self.form(more))
    }

    #[track_caller]
    pub fn retrieve(&self, session: &Value) -> Value {
        self.api.get(&format!("/v1/checkout/sessions/{}", id(session)), &[])
    }

    #[track_caller]
    fn refused(&self, more: Form<'_>) -> (String, String) {
        let reply = self.api.refused(400, "POST", "/v1/checkout/sessions", &self.form(more));
        (reply.code().to_owned(), reply.message().to_owned())
    }
}

#[test]
fn new_hosted_session_is_open_with_url_and_without_subscription() {
    let shop = Shop::new();
    let session = shop.session(&[("client_reference_id", "acct_7"), ("metadata[a]", "b")]);
    let url = session["url"].as_str().unwrap();
    assert_eq!(url, format!("{}/c/pay/{}", shop.api.url(), id(&session)));
    assert!(id(&session).starts_with("cs_test_"));
    for (key, value) in [
        ("status", json!("open")),
        ("payment_status", json!("unpaid")),
        ("ui_mode", json!("hosted_page")),
        ("client_secret", Value::Null),
        ("subscription", Value::Null),
        ("invoice", Value::Null),
        ("amount_total", json!(3500)),
        ("client_reference_id", json!("acct_7")),
        ("metadata", json!({ "a": "b" })),
        ("customer", json!(shop.customer)),
    ] {
        assert_eq!(session[key], value, "{key}");
    }
    let lifetime = session["expires_at"].as_i64().unwrap() - session["created"].as_i64().unwrap();
    assert_eq!(lifetime, 24 * 3600);
    let subs =
        shop.api.get("/v1/subscriptions", &[("customer", &shop.customer), ("status", "all")]);
    assert_eq!(subs["data"], json!([]));
}

#[test]
fn embedded_session_has_client_secret_and_no_url() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("ui_mode", "embedded_page"),
        ("success_url", ""),
        ("return_url", "https://app.example/back?s={CHECKOUT_SESSION_ID}"),
    ]);
    let secret = session["client_secret"].as_str().unwrap();
    assert!(secret.starts_with(&format!("{}_secret_", id(&session))), "{secret}");
    assert_eq!(
        (&session["url"], &session["redirect_on_completion"]),
        (&Value::Null, &json!("always"))
    );
    let silent =
        [("ui_mode", "embedded_page"), ("success_url", ""), ("redirect_on_completion", "never")];
    assert_eq!(shop.session(&silent)["return_url"], Value::Null);
}

#[test]
fn ui_mode_determines_the_accepted_urls() {
    let shop = Shop::new();
    let back = ("return_url", "https://app.example/");
    for (more, param) in [
        (&[("ui_mode", "hosted")][..], "Invalid ui_mode"),
        (&[("ui_mode", "embedded")], "Invalid ui_mode"),
        (&[("ui_mode", "custom")], "Invalid ui_mode"),
        (&[("ui_mode", "elements")], "does not imitate"),
        (&[("ui_mode", "form")], "does not imitate"),
        (&[("success_url", "")], "success_url"),
        (&[back], "`return_url` cannot be used"),
        (&[("ui_mode", "embedded_page"), back], "`success_url` cannot be used"),
        (&[("ui_mode", "embedded_page"), ("success_url", "")], "return_url"),
        (&[("success_url", "javascript:alert(1)")], "Not a valid URL"),
        (&[("cancel_url", "/back")], "Not a valid URL"),
    ] {
        let (_, message) = shop.refused(more);
        assert!(message.contains(param), "{more:?}: {message}");
    }
}

#[test]
fn line_item_quantity_is_required_for_licensed_and_refused_for_metered_prices() {
    let shop = Shop::new();
    let (_, message) = shop.refused(&[("line_items[0][quantity]", "")]);
    assert_eq!(message, "Quantity is required. Add `quantity` to `line_items[0]`");
    let meter = id(&shop.api.post(
        "/v1/billing/meters",
        &[
            ("display_name", "Calls"),
            ("event_name", "calls"),
            ("default_aggregation[formula]", "sum"),
        ],
    ));
    let metered = shop.api.price(
        "Calls",
        &[
            ("currency", "usd"),
            ("unit_amount", "2"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ],
    );
    let second = ("line_items[1][price]", metered.as_str());
    let (_, message) = shop.refused(&[second, ("line_items[1][quantity]", "1")]);
    assert_eq!(
        message,
        "Quantity should not be specified where usage_type is `metered`. Remove quantity from `line_items[1]`"
    );
    let session = shop.session(&[second, ("expand[]", "line_items")]);
    let lines = session["line_items"]["data"].as_array().unwrap();
    let amounts: Vec<&Value> = lines.iter().map(|line| &line["amount_total"]).collect();
    assert_eq!(amounts, [&json!(3500), &json!(0)]);
    assert_eq!((&lines[0]["quantity"], &lines[1]["quantity"]), (&json!(1), &Value::Null));
    let path = format!("/v1/checkout/sessions/{}/line_items", id(&session));
    assert_eq!(shop.api.get(&path, &[])["data"], session["line_items"]["data"]);
    assert_eq!(shop.retrieve(&session)["line_items"], Value::Null);
}

#[test]
fn payment_method_types_is_refused() {
    let shop = Shop::new();
    let (code, _) = shop.refused(&[("payment_method_types[0]", "card")]);
    assert_eq!(code, "payment_method_types_no_longer_supported");
}

#[test]
fn exclusive_parameters_are_refused() {
    let shop = Shop::new();
    shop.api.post("/v1/coupons", &[("id", "half"), ("percent_off", "50"), ("duration", "once")]);
    let coupon = ("discounts[0][coupon]", "half");
    for (more, code, text) in [
        (
            &[("allow_promotion_codes", "true"), coupon][..],
            "parameters_exclusive",
            "allow_promotion_codes, discounts",
        ),
        (&[coupon, ("discounts[1][coupon]", "half")], "", "one discount"),
        (
            &[("customer_email", "a@example.com")],
            "parameters_exclusive",
            "customer, customer_email",
        ),
        (
            &[
                ("subscription_data[trial_period_days]", "7"),
                ("subscription_data[trial_end]", "4000000000"),
            ],
            "parameters_exclusive",
            "trial_end",
        ),
        (&[("mode", "payment")], "sandbox_not_imitated", "mode=payment"),
        (&[("customer", ""), ("customer_update[name]", "auto")], "", "`customer`"),
        (&[("line_items[0][price]", "price_none")], "resource_missing", "price_none"),
        (&[("customer", "cus_none")], "resource_missing", "cus_none"),
        (&[("mystery", "1")], "parameter_unknown", "mystery"),
    ] {
        let (got, message) = shop.refused(more);
        assert_eq!(got, code, "{more:?}: {message}");
        assert!(message.contains(text), "{more:?}: {message}");
    }
    assert_eq!(shop.session(&[coupon])["amount_total"], 1750);
    assert_eq!(shop.session(&[("allow_promotion_codes", "true")])["allow_promotion_codes"], true);
}

#[test]
fn automatic_tax_requires_an_address_or_customer_update() {
    let shop = Shop::new();
    let on = ("automatic_tax[enabled]", "true");
    assert_eq!(shop.refused(&[on]).0, "customer_tax_location_invalid");
    let session = shop.session(&[on, ("customer_update[address]", "auto")]);
    assert_eq!(session["automatic_tax"]["enabled"], true);
    let (_, message) = shop.refused(&[("tax_id_collection[enabled]", "true")]);
    assert!(message.contains("`customer_update[name]`"), "{message}");
    shop.session(&[("tax_id_collection[enabled]", "true"), ("customer_update[name]", "auto")]);
    let customer = format!("/v1/customers/{}", shop.customer);
    shop.api.post(&customer, &[("address[country]", "DE")]);
    shop.session(&[on]);
}

#[test]
fn session_amounts_include_tax_and_trial() {
    let shop = Shop::new();
    let rate = id(&shop.api.post(
        "/v1/tax_rates",
        &[("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")],
    ));
    let session = shop.session(&[("subscription_data[default_tax_rates][0]", &rate)]);
    assert_eq!(
        (
            &session["amount_subtotal"],
            &session["amount_total"],
            &session["total_details"]["amount_tax"]
        ),
        (&json!(3500), &json!(4165), &json!(665))
    );
    let session = shop.session(&[("subscription_data[trial_period_days]", "14")]);
    assert_eq!(session["amount_total"], 0);
}

#[test]
fn session_expires_between_30_minutes_and_24_hours() {
    let shop = Shop::new();
    let now = shop.session(&[])["created"].as_i64().unwrap();
    for minutes in [20, 25 * 60] {
        let at = (now + minutes * 60).to_string();
        assert!(shop.refused(&[("expires_at", &at)]).1.contains("expires_at"));
    }
    let session = shop.session(&[("expires_at", &(now + 1900).to_string())]);
    shop.api.pass(1800);
    assert_eq!(shop.retrieve(&session)["status"], "open");
    shop.api.pass(200);
    let expired = shop.retrieve(&session);
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &Value::Null));
}

#[test]
fn only_open_sessions_can_be_expired() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    let path = format!("/v1/checkout/sessions/{}/expire", id(&session));
    assert_eq!(shop.api.post(&path, &[])["status"], "expired");
    let refusal = shop.api.refused(400, "POST", &path, &[]);
    assert!(refusal.message().contains("status of expired"), "{}", refusal.message());
    shop.api.refused(404, "POST", "/v1/checkout/sessions/cs_test_none/expire", &[]);
}

#[test]
fn session_list_filters_by_customer_status_and_subscription() {
    let shop = Shop::new();
    let (first, second) = (shop.session(&[]), shop.session(&[]));
    shop.session(&[("customer", "")]);
    shop.api.post(&format!("/v1/checkout/sessions/{}/expire", id(&first)), &[]);
    let ids = |form: Form<'_>| -> Vec<String> {
        let list = shop.api.get("/v1/checkout/sessions", form);
        list["data"].as_array().unwrap().iter().map(id).collect()
    };
    let own = ("customer", shop.customer.as_str());
    assert_eq!(ids(&[own]), [id(&second), id(&first)]);
    assert_eq!(ids(&[own, ("status", "open")]), [id(&second)]);
    assert_eq!(ids(&[("status", "expired")]), [id(&first)]);
    assert_eq!(ids(&[]).len(), 3);
    let sub = id(&shop.api.subscribe(
        &shop.customer,
        &shop.price,
        &[("payment_behavior", "default_incomplete")],
    ));
    assert_eq!(ids(&[("subscription", &sub)]), [""; 0]);
}

#[test]
fn checkout_sessions_need_their_own_permissions() {
    let keys =
        [("rk_test_r", "rak_checkout_session_read"), ("rk_test_w", "rak_checkout_session_write")];
    let restricted_keys = keys.map(|(key, may)| (key.to_owned(), vec![may.to_owned()])).to_vec();
    let mut api = Api::with(&Config { restricted_keys, ..Config::default() });
    let price = api.monthly("Pro", "usd", "3500");
    let form = [
        ("mode", "subscription"),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "2"),
        ("success_url", SUCCESS),
    ];
    api.key = "rk_test_w".to_owned();
    let session = id(&api.post("/v1/checkout/sessions", &form));
    api.key = "rk_test_r".to_owned();
    api.get(&format!("/v1/checkout/sessions/{session}"), &[]);
    let refusal = api.refused(403, "POST", "/v1/checkout/sessions", &form);
    assert!(refusal.message().contains("'rak_checkout_session_write'"));
}
