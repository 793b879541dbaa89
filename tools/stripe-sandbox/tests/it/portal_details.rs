//! Billing details in the customer portal (`customer_update`).

use serde_json::{Value, json};

use crate::events::types;
use crate::support::{Api, Form, id};

fn configured(allowed: &[&str]) -> (Api, String, String) {
    let api = Api::new();
    let fields: Vec<String> = (0..allowed.len())
        .map(|index| format!("features[customer_update][allowed_updates][{index}]"))
        .collect();
    let mut form = vec![("features[customer_update][enabled]", "true")];
    form.extend(fields.iter().map(String::as_str).zip(allowed.iter().copied()));
    let configuration = id(&api.post("/v1/billing_portal/configurations", &form));
    let customer = id(&api.post("/v1/customers", &[("email", "ada@example.com")]));
    (api, configuration, customer)
}

fn link(api: &Api, configuration: &str, customer: &str, more: Form<'_>) -> String {
    let form = [&[("customer", customer), ("configuration", configuration)], more].concat();
    api.post("/v1/billing_portal/sessions", &form)["url"].as_str().unwrap().to_owned()
}

#[test]
fn configuration_names_the_fields_that_can_change() {
    let (api, configuration, _) = configured(&["email", "address"]);
    let path = format!("/v1/billing_portal/configurations/{configuration}");
    let shown = || api.get(&path, &[])["features"]["customer_update"].clone();
    assert_eq!(shown(), json!({ "allowed_updates": ["email", "address"], "enabled": true }));
    api.post(&path, &[("features[customer_update][allowed_updates][0]", "tax_id")]);
    assert_eq!(shown(), json!({ "allowed_updates": ["tax_id"], "enabled": true }));
    api.post(&path, &[("features[customer_update][enabled]", "false")]);
    assert_eq!(shown(), json!({ "allowed_updates": [], "enabled": false }));
    for (field, code) in [("shipping", "sandbox_not_imitated"), ("age", "")] {
        let form = [("features[customer_update][allowed_updates][0]", field)];
        assert_eq!(api.refused(400, "POST", &path, &form).code(), code);
    }
}

#[test]
fn flow_needs_the_feature() {
    let (api, configuration, customer) = configured(&[]);
    let form: Form<'_> = &[
        ("customer", &customer),
        ("configuration", &configuration),
        ("flow_data[type]", "customer_update"),
    ];
    let refusal = api.refused(400, "POST", "/v1/billing_portal/sessions", form);
    assert_eq!(
        refusal.message(),
        "This customer cannot be updated because the customer update feature in the portal configuration is disabled."
    );
    let form: Form<'_> = &[
        ("customer", &customer),
        ("configuration", &configuration),
        ("flow_data[type]", "customer_update"),
        ("flow_data[subscription_cancel][subscription]", "sub_x"),
    ];
    let refusal = api.refused(400, "POST", "/v1/billing_portal/sessions", form);
    assert_eq!(refusal.json["error"]["param"], "flow_data[subscription_cancel]");
    let url = link(&api, &configuration, &customer, &[]);
    let path = format!("/v1/billing_portal/configurations/{configuration}");
    api.post(&path, &[("features[customer_update][enabled]", "false")]);
    api.open(&format!("{url}/details")).shows(403, "disabled");
}

#[test]
fn customer_changes_the_allowed_details_in_a_flow() {
    let (api, configuration, customer) = configured(&["address", "email", "name", "tax_id"]);
    let url = link(
        &api,
        &configuration,
        &customer,
        &[
            ("flow_data[type]", "customer_update"),
            ("flow_data[after_completion][type]", "redirect"),
            ("flow_data[after_completion][redirect][return_url]", "https://app.example/saved"),
        ],
    );
    let page = api.open(&url).redirect_target().to_owned();
    let shown = api.open(&page);
    shown.shows(200, "value=\"ada@example.com\"");
    assert!(!shown.text.contains("name=\"phone\""), "the phone is not allowed");
    for (form, text) in [
        (&[("email", "nobody")][..], "Enter an email address"),
        (&[("email", "a@b.example"), ("country", "Germany")], "two letters"),
        (
            &[("email", "a@b.example"), ("country", "DE"), ("tax_id", "1")],
            "Enter the tax ID in the form DE123456789.",
        ),
    ] {
        api.fill_in(&page, form).shows(422, text);
    }
    let form: Form<'_> = &[
        ("name", "Example Ltd"),
        ("email", "billing@example.com"),
        ("phone", "123"),
        ("line1", "Main Street 1"),
        ("city", "Berlin"),
        ("postal_code", "10115"),
        ("country", "de"),
        ("tax_id", "de 123456789"),
    ];
    let events = api.events_of(|| {
        assert_eq!(api.fill_in(&page, form).redirect_target(), "https://app.example/saved");
    });
    assert_eq!(types(&events), ["customer.updated"]);
    let saved = api.get(&format!("/v1/customers/{customer}"), &[]);
    assert_eq!(
        (&saved["name"], &saved["email"], &saved["phone"]),
        (&json!("Example Ltd"), &json!("billing@example.com"), &Value::Null)
    );
    assert_eq!(
        saved["address"],
        json!({
            "city": "Berlin", "country": "DE", "line1": "Main Street 1", "line2": null,
            "postal_code": "10115", "state": null,
        })
    );
    let invoice = api.post("/v1/invoices", &[("customer", &customer)]);
    assert_eq!(invoice["customer_tax_ids"], json!([{ "type": "eu_vat", "value": "DE123456789" }]));
}

#[test]
fn portal_shows_the_details_and_a_link_to_change_them() {
    let (api, configuration, customer) = configured(&["name"]);
    let url = link(&api, &configuration, &customer, &[]);
    let home = api.open(&url);
    home.shows(200, "Billing details");
    home.shows(200, "/details\"");
    let target = api.fill_in(&format!("{url}/details"), &[("name", "Ada")]);
    assert!(target.redirect_target().ends_with("?done=details"));
    api.open(target.redirect_target()).shows(200, "Your billing details are saved.");
    api.open(&url).shows(200, "<dd>Ada</dd>");
}

#[test]
fn taxed_customer_needs_a_location_in_the_portal() {
    let (api, configuration, customer) = configured(&["address"]);
    let price = api.monthly("Free", "usd", "0");
    api.post(&format!("/v1/customers/{customer}"), &[("address[country]", "DE")]);
    api.subscribe(&customer, &price, &[("automatic_tax[enabled]", "true")]);
    let url = format!("{}/details", link(&api, &configuration, &customer, &[]));
    api.fill_in(&url, &[("country", "US")]).shows(422, "Enter the postal code.");
    api.fill_in(&url, &[("country", "US"), ("postal_code", "94103")]).redirect_target();
}
