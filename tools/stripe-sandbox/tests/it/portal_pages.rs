//! Customer portal pages.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::browse::{ASKS_ONCE, DECLINED, VISA, card};
use crate::support::{Api, Form, id};

struct Portal {
    api: Api,
    clock: String,
    customer: String,
    sub: String,
}

const CONFIGURATION: Form<'_> = &[
    ("features[invoice_history][enabled]", "true"),
    ("features[payment_method_update][enabled]", "true"),
    ("features[subscription_cancel][enabled]", "true"),
    ("features[subscription_cancel][cancellation_reason][enabled]", "true"),
    ("features[subscription_cancel][cancellation_reason][options][0]", "too_expensive"),
];

fn portal() -> Portal {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let base = api.monthly("Pro", "usd", "3500");
    let email = [("email", "ada@example.com")];
    let customer = api.customer(&clock, Some("pm_card_visa"), &email);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    let saved = id(&api.admin("POST", "/portal_configuration", &Value::Null));
    api.post(&format!("/v1/billing_portal/configurations/{saved}"), CONFIGURATION);
    Portal { api, clock, customer, sub }
}

impl Portal {
    fn link(&self, more: Form<'_>) -> String {
        let form = [
            &[("customer", self.customer.as_str()), ("return_url", "https://app.example/billing")],
            more,
        ]
        .concat();
        let session = self.api.post("/v1/billing_portal/sessions", &form);
        session["url"].as_str().unwrap().strip_prefix(self.api.url()).unwrap().to_owned()
    }

    fn cards(&self) -> (Value, Value) {
        let last4 = |method: &Value| method["card"]["last4"].clone();
        let path = format!("/v1/customers/{}", self.customer);
        let form = [("expand[]", "invoice_settings.default_payment_method")];
        let customer = self.api.get(&path, &form);
        let path = format!("/v1/subscriptions/{}", self.sub);
        let sub = self.api.get(&path, &[("expand[]", "default_payment_method")]);
        (
            last4(&customer["invoice_settings"]["default_payment_method"]),
            last4(&sub["default_payment_method"]),
        )
    }
}

#[test]
fn portal_shows_plan_card_and_invoices() {
    let it = portal();
    let home = it.link(&[]);
    let shown = it.api.open(&home);
    for text in [
        "Pro",
        "Active",
        "Renews on 1 May 2027 for $35.00.",
        "Visa ending in 4242",
        "href=\"https://app.example/billing\"",
        "ada@example.com",
    ] {
        shown.shows(200, text);
    }
    let invoice = &it.api.invoices(&it.sub)[0];
    shown.shows(
        200,
        invoice["hosted_invoice_url"].as_str().unwrap().strip_prefix(it.api.url()).unwrap(),
    );
}

#[test]
fn portal_names_the_plan_once_and_the_meters_that_are_billed_by_usage() {
    let it = portal();
    let meter =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&it.api.post("/v1/billing/meters", &meter));
    let usage = [
        ("currency", "usd"),
        ("unit_amount", "2"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", meter.as_str()),
    ];
    let shown = |products: [&str; 2]| {
        let prices = products.map(|product| it.api.price(product, &usage));
        let items = [("items[0][price]", &*prices[0]), ("items[1][price]", &prices[1])];
        it.api.post(&format!("/v1/subscriptions/{}", it.sub), &items);
        it.api.open(&it.link(&[]))
    };
    shown(["CPU", "Egress"]).shows(200, "<p class=\"soft\">Billed by usage: CPU, Egress</p>");
    // Metered prices of older catalogs are on the plan's product.
    let shown = shown(["Pro", "Pro"]);
    shown.shows(200, "<strong>Pro</strong>");
    shown.shows(200, "Billed by usage: CPU, Egress</p>");
}

#[test]
fn new_card_becomes_the_default_of_customer_and_subscription() {
    let it = portal();
    let home = it.link(&[]);
    let form = format!("{home}/card");
    it.api.fill_in(&form, &card(DECLINED)).shows(402, "Your card was declined.");
    it.api.fill_in(&form, &card("5555 5555 5555 4443")).shows(422, "not valid");
    assert_eq!(it.cards(), (json!("4242"), Value::Null));
    let done = it.api.fill_in(&form, &card("5555 5555 5555 4444")).redirect_target().to_owned();
    it.api.open(&done).shows(200, "Your new card will be used from now on.");
    assert_eq!(it.cards(), (json!("4444"), json!("4444")));
    // A card with authentication is saved only after it succeeds.
    let asked = it.api.fill_in(&form, &card(ASKS_ONCE)).redirect_target().to_owned();
    it.api.open(&asked).shows(200, "saving Visa ending in 3155");
    it.api.fill_in(&asked, &[("outcome", "fail")]).shows(402, "unable to authenticate");
    assert_eq!(it.cards().0, "4444");
    let asked = it.api.fill_in(&form, &card(ASKS_ONCE)).redirect_target().to_owned();
    it.api.fill_in(&asked, &[("outcome", "complete")]).redirect_target();
    assert_eq!(it.cards(), (json!("3155"), json!("3155")));
    it.api.advance(&it.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(it.api.subscription(&it.sub)["status"], "active");
}

#[test]
fn plan_is_canceled_at_period_end_and_renewed_again() {
    let it = portal();
    let home = it.link(&[]);
    let cancel = format!("{home}/cancel/{}", it.sub);
    let asked = it.api.open(&cancel);
    asked.shows(200, "1 May 2027");
    asked.shows(200, "Too expensive");
    let form = [("feedback", "too_expensive"), ("comment", "So long & thanks")];
    let done = it.api.fill_in(&cancel, &form).redirect_target().to_owned();
    let shown = it.api.open(&done);
    shown.shows(200, "Ends on 1 May 2027");
    let sub = it.api.subscription(&it.sub);
    let end = datetime!(2027-05-01 00:00 UTC).unix_timestamp();
    assert_eq!((&sub["cancel_at"], &sub["cancel_at_period_end"]), (&json!(end), &json!(false)));
    assert_eq!(sub["cancellation_details"]["feedback"], "too_expensive");
    assert_eq!(sub["cancellation_details"]["comment"], "So long & thanks");
    it.api.fill_in(&format!("{home}/renew/{}", it.sub), &[]).redirect_target();
    assert_eq!(it.api.subscription(&it.sub)["cancel_at"], Value::Null);
    it.api.fill_in(&cancel, &[]).redirect_target();
    it.api.advance(&it.clock, datetime!(2027-05-01 00:00 UTC));
    assert_eq!(it.api.subscription(&it.sub)["status"], "canceled");
    it.api.open(&home).shows(200, "no plan at present");
    it.api.open(&cancel).shows(404, "No such subscription");
}

#[test]
fn overdue_plan_links_to_its_invoice_and_a_new_card_does_not_pay_it() {
    let it = portal();
    let fail = format!("/v1/payment_methods/{}/attach", "pm_card_chargeCustomerFail");
    let attached = id(&it.api.post(&fail, &[("customer", &it.customer)]));
    let form = [("default_payment_method", attached.as_str())];
    it.api.post(&format!("/v1/subscriptions/{}", it.sub), &form);
    it.api.advance(&it.clock, datetime!(2027-05-01 01:00 UTC));
    let home = it.link(&[]);
    let shown = it.api.open(&home);
    shown.shows(200, "A payment is missing");
    shown.shows(200, "Pay invoice");
    it.api.fill_in(&format!("{home}/card"), &card(VISA)).redirect_target();
    assert_eq!(it.api.subscription(&it.sub)["status"], "past_due");
    let invoice = it.api.invoices(&it.sub)[0]["hosted_invoice_url"].as_str().unwrap().to_owned();
    it.api.fill_in(&invoice, &[("with", "saved")]).redirect_target();
    assert_eq!(it.api.subscription(&it.sub)["status"], "active");
}

#[test]
fn flow_opens_its_page_and_redirects_after_completion() {
    let it = portal();
    let flow = ("flow_data[type]", "payment_method_update");
    let home = it.link(&[flow]);
    assert_eq!(it.api.open(&home).redirect_target(), format!("{home}/card"));
    let done = it.api.fill_in(&format!("{home}/card"), &card(VISA)).redirect_target().to_owned();
    it.api.open(&done).shows(200, "Current plan");

    let cancel = [
        ("flow_data[type]", "subscription_cancel"),
        ("flow_data[subscription_cancel][subscription]", it.sub.as_str()),
        ("flow_data[after_completion][type]", "redirect"),
        ("flow_data[after_completion][redirect][return_url]", "https://app.example/gone"),
    ];
    let home = it.link(&cancel);
    let page = it.api.open(&home).redirect_target().to_owned();
    assert_eq!(page, format!("{home}/cancel/{}", it.sub));
    it.api.open(&page).shows(200, "href=\"https://app.example/billing\"");
    assert_eq!(it.api.fill_in(&page, &[]).redirect_target(), "https://app.example/gone");

    let told = [
        flow,
        ("flow_data[after_completion][type]", "hosted_confirmation"),
        ("flow_data[after_completion][hosted_confirmation][custom_message]", "<Thanks>"),
    ];
    let home = it.link(&told);
    let done = it.api.fill_in(&format!("{home}/card"), &card(VISA)).redirect_target().to_owned();
    it.api.open(&done).shows(200, "&lt;Thanks&gt;");
}

#[test]
fn links_expire_and_show_only_their_customer() {
    let it = portal();
    let (unused, used) = (it.link(&[]), it.link(&[]));
    it.api.pass(4 * 60);
    it.api.open(&used).shows(200, "Current plan");
    it.api.pass(2 * 60);
    it.api.open(&unused).shows(410, "This link has expired");
    it.api.open(&used).shows(200, "Current plan");
    it.api.pass(61 * 60);
    it.api.fill_in(&format!("{used}/card"), &card(VISA)).shows(410, "expired");
    let other = id(&it.api.post("/v1/customers", &[]));
    let base = it.api.monthly("Team", "usd", "100");
    let foreign =
        id(&it.api.subscribe(&other, &base, &[("payment_behavior", "default_incomplete")]));
    let home = it.link(&[]);
    it.api.fill_in(&format!("{home}/cancel/{foreign}"), &[]).shows(404, "No such subscription");
    it.api.open("/p/session/test_none").shows(404, "No such portal link");
}

#[test]
fn disabled_features_are_hidden_and_refused() {
    let it = portal();
    let off = id(&it.api.post(
        "/v1/billing_portal/configurations",
        &[("features[invoice_history][enabled]", "false")],
    ));
    let home = it.link(&[("configuration", &off)]);
    let shown = it.api.open(&home);
    for text in ["Update card", "Cancel plan", "Invoices"] {
        assert!(!shown.text.contains(text), "{text}");
    }
    it.api.fill_in(&format!("{home}/card"), &card(VISA)).shows(403, "disabled in the portal");
    it.api.fill_in(&format!("{home}/cancel/{}", it.sub), &[]).shows(403, "disabled in the portal");
    let now = id(&it.api.post(
        "/v1/billing_portal/configurations",
        &[
            ("features[subscription_cancel][enabled]", "true"),
            ("features[subscription_cancel][mode]", "immediately"),
        ],
    ));
    let home = it.link(&[("configuration", &now)]);
    it.api.fill_in(&format!("{home}/cancel/{}", it.sub), &[]).redirect_target();
    assert_eq!(it.api.subscription(&it.sub)["status"], "canceled");
}
