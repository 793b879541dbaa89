//! Events of the catalog, customers, pages and clocks.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::browse::{VISA, card};
use crate::case::at_the_middle;
use crate::checkout::Shop;
use crate::event_lives::of;
use crate::events::types;
use crate::support::{Api, Form, id};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

#[test]
fn events_of_a_test_clock_have_real_times() {
    let case = at_the_middle("3000", &[]);
    let clocks: Vec<String> = types(&case.api.events())
        .into_iter()
        .filter(|kind| kind.starts_with("test_helpers"))
        .collect();
    let ready = "test_helpers.test_clock.ready";
    let created = "test_helpers.test_clock.created";
    assert_eq!(clocks, [created, "test_helpers.test_clock.advancing", ready]);
    let product = case.api.post("/v1/products", &[("name", "Now")]);
    let events = case.api.events_of(|| {
        case.api.advance(&case.clock, datetime!(2027-05-01 02:00 UTC));
        case.api.delete(&format!("/v1/test_helpers/test_clocks/{}", case.clock), &[]);
    });
    let now = product["created"].as_i64().unwrap();
    assert!(
        events.iter().all(|event| (now..now + 60).contains(&event["created"].as_i64().unwrap()))
    );
    assert_eq!(
        types(&events)[events.len() - 3..],
        ["test_helpers.test_clock.deleted", "customer.deleted", "customer.subscription.deleted"]
    );
}

#[test]
fn discounts_of_a_subscription_have_events() {
    let case = at_the_middle("3000", &[]);
    let coupon =
        id(&case.api.post("/v1/coupons", &[("percent_off", "10"), ("duration", "forever")]));
    let path = format!("/v1/subscriptions/{}", case.sub);
    let form = [("discounts[0][coupon]", coupon.as_str())];
    let added = case.api.events_of(|| case.api.post(&path, &form));
    assert_eq!(types(&added), ["customer.discount.created", "customer.subscription.updated"]);
    let discount = &of(&added, "customer.discount.created")["object"];
    assert_eq!(
        (&discount["source"]["coupon"], &discount["subscription"]),
        (&json!(coupon), &json!(case.sub))
    );
    let removed = case.api.events_of(|| case.api.post(&path, &[("discounts", "")]));
    assert_eq!(types(&removed), ["customer.discount.deleted", "customer.subscription.updated"]);
    assert_eq!(of(&removed, "customer.discount.deleted")["object"], *discount);
}

#[test]
fn deleted_objects_are_complete_in_their_events() {
    let api = Api::new();
    let customer = api.post("/v1/customers", &[("email", "ada@example.com")]);
    let product = api.post("/v1/products", &[("name", "Pro")]);
    let coupon = api.post("/v1/coupons", &[("percent_off", "10"), ("duration", "once")]);
    let form = [("customer", customer["id"].as_str().unwrap())];
    let invoice = api.post("/v1/invoices", &form);
    let form =
        [("customer", customer["id"].as_str().unwrap()), ("amount", "500"), ("currency", "usd")];
    let item = api.post("/v1/invoiceitems", &form);
    for (path, object, kind) in [
        ("invoiceitems", item, "invoiceitem.deleted"),
        ("invoices", invoice, "invoice.deleted"),
        ("products", product, "product.deleted"),
        ("coupons", coupon, "coupon.deleted"),
        ("customers", customer, "customer.deleted"),
    ] {
        let events = api.events_of(|| api.delete(&format!("/v1/{path}/{}", id(&object)), &[]));
        assert_eq!(types(&events), [kind]);
        assert_eq!(events[0]["data"]["object"]["id"], object["id"]);
        assert_eq!(events[0]["data"]["object"]["created"], object["created"], "{kind}");
    }
}

#[test]
fn catalog_and_settings_have_events() {
    let api = Api::new();
    let form: Form<'_> = &[
        ("display_name", "Calls"),
        ("event_name", "calls"),
        ("default_aggregation[formula]", "sum"),
    ];
    let meter = id(&api.post("/v1/billing/meters", form));
    let meter = format!("/v1/billing/meters/{meter}");
    api.post(&meter, &[("display_name", "API calls")]);
    api.post(&format!("{meter}/deactivate"), &[]);
    api.post(&format!("{meter}/reactivate"), &[]);
    let form: Form<'_> = &[("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
    let rate = id(&api.post("/v1/tax_rates", form));
    api.post(&format!("/v1/tax_rates/{rate}"), &[("active", "false")]);
    let coupon = id(&api.post("/v1/coupons", &[("percent_off", "10"), ("duration", "once")]));
    api.post(&format!("/v1/coupons/{coupon}"), &[("name", "Ten")]);
    let form = [("promotion[type]", "coupon"), ("promotion[coupon]", coupon.as_str())];
    let code = id(&api.post("/v1/promotion_codes", &form));
    api.post(&format!("/v1/promotion_codes/{code}"), &[("active", "false")]);
    let configuration = id(&api.admin("POST", "/portal_configuration", &Value::Null));
    let path = format!("/v1/billing_portal/configurations/{configuration}");
    api.post(&path, &[("name", "Ours")]);
    let customer = id(&api.post("/v1/customers", &[]));
    api.post("/v1/billing_portal/sessions", &[("customer", &customer)]);
    assert_eq!(
        types(&api.events()),
        [
            "billing.meter.created",
            "billing.meter.updated",
            "billing.meter.deactivated",
            "billing.meter.reactivated",
            "tax_rate.created",
            "tax_rate.updated",
            "coupon.created",
            "coupon.updated",
            "promotion_code.created",
            "promotion_code.updated",
            "billing_portal.configuration.created",
            "billing_portal.configuration.updated",
            "customer.created",
            "billing_portal.session.created",
        ]
    );
}

#[test]
fn hosted_pages_have_events_without_a_request() {
    let shop = Shop::new();
    let session = shop.session(&[]);
    let url = session["url"].as_str().unwrap();
    let opened = shop.api.events_of(|| shop.api.open(url));
    assert_eq!(types(&opened), Vec::<String>::new());
    let paid = shop.api.events_of(|| shop.api.fill_in(url, &card(VISA)));
    let complete = &of(&paid, "checkout.session.completed")["object"];
    assert_eq!((&complete["id"], &complete["status"]), (&session["id"], &json!("complete")));
    assert_eq!(
        complete["subscription"],
        of(&paid, "customer.subscription.created")["object"]["id"]
    );
    for event in &paid {
        assert_eq!(event["request"]["id"], Value::Null);
    }
}

#[test]
fn checkout_session_expires_by_request_and_by_time() {
    let shop = Shop::new();
    let session = id(&shop.session(&[]));
    let path = format!("/v1/checkout/sessions/{session}/expire");
    let expired = shop.api.events_of(|| shop.api.post(&path, &[]));
    assert_eq!(types(&expired), ["checkout.session.expired"]);
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "1000");
    let form = [
        ("mode", "subscription"),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.example/"),
    ];
    let session = api.post("/v1/checkout/sessions", &form);
    let events = api.events_of(|| api.pass(DAY + HOUR));
    assert_eq!(types(&events), ["checkout.session.expired"]);
    assert_eq!(events[0]["created"], session["expires_at"]);
    assert_eq!(events[0]["data"]["object"]["status"], "expired");
}

#[test]
fn sent_invoice_has_an_event() {
    let api = Api::new();
    let customer = id(&api.post("/v1/customers", &[]));
    let form = [("customer", customer.as_str()), ("amount", "500"), ("currency", "usd")];
    api.post("/v1/invoiceitems", &form);
    let form: Form<'_> = &[
        ("customer", &customer),
        ("collection_method", "send_invoice"),
        ("days_until_due", "30"),
        ("pending_invoice_items_behavior", "include"),
    ];
    let invoice = id(&api.post("/v1/invoices", form));
    let path = format!("/v1/invoices/{invoice}/send");
    let first = types(&api.events_of(|| api.post(&path, &[])));
    assert_eq!(first.last().unwrap(), "invoice.sent");
    assert_eq!(types(&api.events_of(|| api.post(&path, &[]))), ["invoice.sent"]);
    let form = [("paid_out_of_band", "true")];
    let paid = types(&api.events_of(|| api.post(&format!("/v1/invoices/{invoice}/pay"), &form)));
    assert_eq!(paid, ["payment_intent.canceled", "invoice.updated", "invoice.paid"]);
}
