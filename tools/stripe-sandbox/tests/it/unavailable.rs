//! Refusals for deleted customers, archived products and subscriptions that are ending already.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::at_the_middle;
use crate::checkout::Shop;
use crate::support::{Api, Form, id};

#[test]
fn deleted_customer_is_a_stub_and_every_use_is_refused() {
    let case = at_the_middle("3000", &[]);
    let (api, customer) = (&case.api, case.customer.as_str());
    let price = api.monthly("Max", "usd", "9000");
    api.admin("POST", "/portal_configuration", &Value::Null);
    let path = format!("/v1/customers/{customer}");
    let stub = json!({ "id": customer, "object": "customer", "deleted": true });
    assert_eq!(api.delete(&path, &[]), stub);
    assert_eq!(api.get(&path, &[]), stub);
    let missing = format!("No such customer: '{customer}'");
    let checkout: Form<'_> = &[
        ("mode", "subscription"),
        ("customer", customer),
        ("line_items[0][price]", &price),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.example/"),
    ];
    let with_item: Form<'_> = &[("customer", customer), ("items[0][price]", &price)];
    let preview: Form<'_> =
        &[("customer", customer), ("subscription_details[items][0][price]", &price)];
    let item: Form<'_> = &[("customer", customer), ("amount", "100"), ("currency", "usd")];
    let schedule: Form<'_> =
        &[("customer", customer), ("start_date", "now"), ("phases[0][items][0][price]", &price)];
    let only: Form<'_> = &[("customer", customer)];
    for (status, request, form) in [
        (404, "/v1/subscriptions", with_item),
        (400, "/v1/subscription_schedules", schedule),
        (400, "/v1/invoices", only),
        (400, "/v1/invoiceitems", item),
        (400, "/v1/invoices/create_preview", preview),
        (400, "/v1/checkout/sessions", checkout),
        (400, "/v1/billing_portal/sessions", only),
        (400, "/v1/payment_methods/pm_card_visa/attach", only),
    ] {
        let refusal = api.refused(status, "POST", request, form);
        let error = &refusal.json["error"];
        assert_eq!(
            (refusal.message(), refusal.code(), &error["param"]),
            (missing.as_str(), "resource_missing", &json!("customer")),
            "{request}"
        );
    }
    let balance = format!("{path}/balance_transactions");
    for (method, request, form) in [
        ("POST", path.as_str(), &[("name", "Ada")][..]),
        ("DELETE", &path, &[]),
        ("POST", &balance, &[("amount", "100"), ("currency", "usd")]),
        ("GET", &format!("{path}/payment_methods"), &[]),
    ] {
        let refusal = api.refused(404, method, request, form);
        assert_eq!(
            (refusal.message(), refusal.code()),
            (missing.as_str(), "resource_missing"),
            "{method} {request}"
        );
    }
}

#[test]
fn objects_of_a_deleted_customer_stay_readable() {
    let mut case = at_the_middle("3000", &[]);
    // async-stripe's types cannot read an expanded customer that is deleted.
    case.api.typed = false;
    let api = &case.api;
    api.delete(&format!("/v1/customers/{}", case.customer), &[]);
    let path = format!("/v1/subscriptions/{}", case.sub);
    let sub = api.get(&path, &[("expand[]", "customer")]);
    assert_eq!((&sub["status"], &sub["customer"]["deleted"]), (&json!("canceled"), &json!(true)));
    let form = [("customer", case.customer.as_str()), ("status", "all")];
    assert_eq!(api.get("/v1/subscriptions", &form)["data"][0]["id"], case.sub);
    let form = [("customer", case.customer.as_str())];
    assert_eq!(api.get("/v1/invoices", &form)["data"][0]["status"], "paid");
    api.advance(&case.clock, datetime!(2027-06-01 00:00 UTC));
    assert_eq!(api.invoices(&case.sub).len(), 1, "nothing renews");
}

#[test]
fn archived_product_is_refused_although_its_price_is_active() {
    let shop = Shop::new();
    let (api, customer) = (&shop.api, shop.customer.as_str());
    let other = api.monthly("Max", "usd", "9000");
    api.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", customer)]);
    let cards = api.get("/v1/payment_methods", &[("customer", customer)]);
    let method = id(&cards["data"][0]);
    let sub = api.subscribe(customer, &other, &[("default_payment_method", &method)]);
    let item = id(&sub["items"]["data"][0]);
    let schedule = id(&api.post("/v1/subscription_schedules", &[("from_subscription", &id(&sub))]));
    let price = api.get(&format!("/v1/prices/{}", shop.price), &[]);
    let product = price["product"].as_str().unwrap();
    api.post(&format!("/v1/products/{product}"), &[("active", "false")]);
    assert_eq!(api.get(&format!("/v1/prices/{}", shop.price), &[])["active"], true);
    let message = format!("The price specified is associated with an inactive product: {product}");
    let price = shop.price.as_str();
    let (sub, now) = (id(&sub), sub["start_date"].to_string());
    let subscribe: Form<'_> = &[("customer", customer), ("items[0][price]", price)];
    let change: Form<'_> = &[("items[0][id]", &item), ("items[0][price]", price)];
    let preview: Form<'_> = &[
        ("subscription", &sub),
        ("subscription_details[items][0][id]", &item),
        ("subscription_details[items][0][price]", price),
    ];
    let prospect: Form<'_> =
        &[("customer", customer), ("subscription_details[items][0][price]", price)];
    let checkout: Form<'_> = &[
        ("mode", "subscription"),
        ("line_items[0][price]", price),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.example/"),
    ];
    let phases: Form<'_> =
        &[("phases[0][items][0][price]", price), ("phases[0][start_date]", &now)];
    for (path, form, param) in [
        ("/v1/subscriptions", subscribe, "items[0][price]"),
        (&format!("/v1/subscriptions/{sub}"), change, "items[0][price]"),
        ("/v1/invoices/create_preview", preview, "items[0][price]"),
        ("/v1/invoices/create_preview", prospect, "items[0][price]"),
        ("/v1/checkout/sessions", checkout, "line_items[0][price]"),
        (&format!("/v1/subscription_schedules/{schedule}"), phases, "phases[0][items][price]"),
    ] {
        let refusal = api.refused(400, "POST", path, form);
        assert_eq!(
            (refusal.message(), refusal.code(), &refusal.json["error"]["param"]),
            (message.as_str(), "product_inactive", &json!(param)),
            "{path}"
        );
    }
}

#[test]
fn portal_refuses_to_cancel_twice() {
    for at_period_end in [true, false] {
        let case = at_the_middle("3000", &[]);
        case.api.admin("POST", "/portal_configuration", &Value::Null);
        let flow: Form<'_> = &[
            ("customer", &case.customer),
            ("flow_data[type]", "subscription_cancel"),
            ("flow_data[subscription_cancel][subscription]", &case.sub),
        ];
        case.api.post("/v1/billing_portal/sessions", flow);
        let path = format!("/v1/subscriptions/{}", case.sub);
        let cancel = if at_period_end {
            [("cancel_at_period_end", "true")]
        } else {
            [("cancel_at", "max_period_end")]
        };
        case.api.post(&path, &cancel);
        let refusal = case.api.refused(400, "POST", "/v1/billing_portal/sessions", flow);
        assert_eq!(
            refusal.message(),
            "The subscription is already set to be canceled at period end."
        );
        assert_eq!(refusal.json["error"]["type"], "invalid_request_error");
        case.api.post(&path, &[("cancel_at", "")]);
        case.api.post("/v1/billing_portal/sessions", flow);
    }
}

#[test]
fn cancel_link_opened_after_a_cancellation_shows_the_portal() {
    let case = at_the_middle("3000", &[]);
    case.api.admin("POST", "/portal_configuration", &Value::Null);
    let flow: Form<'_> = &[
        ("customer", &case.customer),
        ("flow_data[type]", "subscription_cancel"),
        ("flow_data[subscription_cancel][subscription]", &case.sub),
    ];
    let session = case.api.post("/v1/billing_portal/sessions", flow);
    case.api.post(&format!("/v1/subscriptions/{}", case.sub), &[("cancel_at_period_end", "true")]);
    let url = session["url"].as_str().unwrap();
    case.api.open(url).shows(200, "Renew plan");
    let cancel = format!("{url}/cancel/{}", case.sub);
    assert!(url.ends_with(case.api.open(&cancel).redirect_target()));
    assert!(url.ends_with(case.api.fill_in(&cancel, &[]).redirect_target()));
}

#[test]
fn customer_without_schedule_start_is_not_scheduled_after_deletion() {
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "1000");
    let customer = id(&api.post("/v1/customers", &[("name", "Ada")]));
    let start =
        (api.admin("GET", "/clock", &Value::Null)["now"].as_i64().unwrap() + 86_400).to_string();
    let form: Form<'_> =
        &[("customer", &customer), ("start_date", &start), ("phases[0][items][0][price]", &price)];
    let schedule = id(&api.post("/v1/subscription_schedules", form));
    api.delete(&format!("/v1/customers/{customer}"), &[]);
    api.pass(2 * 86_400);
    let schedule = api.get(&format!("/v1/subscription_schedules/{schedule}"), &[]);
    assert_eq!(
        (&schedule["status"], &schedule["subscription"]),
        (&json!("canceled"), &Value::Null)
    );
}
