//! Data that Checkout collects: addresses, tax IDs and promotion codes.

use serde_json::{Value, json};

use crate::browse::{VISA, card};
use crate::checkout::Shop;
use crate::support::{Form, id};

const ADDRESS: Form<'_> =
    &[("line1", "Main Street 1"), ("city", "Berlin"), ("postal_code", "10115"), ("country", "de")];

fn url(session: &Value) -> String {
    session["url"].as_str().unwrap().to_owned()
}

fn paying<'a>(more: &[Form<'a>]) -> Vec<(&'a str, &'a str)> {
    let mut form = card(VISA);
    form.extend(more.iter().flat_map(|part| part.iter().copied()));
    form
}

#[test]
fn required_billing_address_is_collected_and_saved_if_asked() {
    for keep in ["auto", "never"] {
        let shop = Shop::new();
        let session = shop.session(&[
            ("billing_address_collection", "required"),
            ("customer_update[address]", keep),
        ]);
        assert_eq!(session["billing_address_collection"], "required");
        let page = url(&session);
        shop.api.open(&page).shows(200, "Street and number");
        shop.api.fill_in(&page, &paying(&[])).shows(422, "Enter the country as two letters");
        shop.api.fill_in(&page, &paying(&[ADDRESS])).redirect_target();
        let customer = shop.api.get(&format!("/v1/customers/{}", shop.customer), &[]);
        let saved = json!({
            "city": "Berlin", "country": "DE", "line1": "Main Street 1", "line2": null,
            "postal_code": "10115", "state": null,
        });
        let expected = if keep == "auto" { saved } else { Value::Null };
        assert_eq!(customer["address"], expected, "{keep}");
    }
}

#[test]
fn new_customer_gets_the_collected_details() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("customer", ""),
        ("tax_id_collection[enabled]", "true"),
        ("tax_id_collection[required]", "if_supported"),
    ]);
    assert_eq!(
        session["tax_id_collection"],
        json!({ "enabled": true, "required": "if_supported" })
    );
    let page = url(&session);
    let email = ("email", "new@example.com");
    for (form, text) in [
        (&[email][..], "Enter the tax ID in the form DE123456789."),
        (&[email, ("tax_id", "DE1")], "Enter the tax ID in the form DE123456789."),
    ] {
        shop.api.fill_in(&page, &paying(&[ADDRESS, form])).shows(422, text);
    }
    let form = [email, ("tax_id", "DE 123456789"), ("business_name", "Example GmbH")];
    shop.api.fill_in(&page, &paying(&[ADDRESS, &form])).redirect_target();
    let complete = shop.retrieve(&session);
    let details = &complete["customer_details"];
    let tax_ids = json!([{ "type": "eu_vat", "value": "DE123456789" }]);
    assert_eq!(
        (&details["name"], &details["email"], &details["tax_ids"]),
        (&json!("Example GmbH"), &json!("new@example.com"), &tax_ids)
    );
    assert_eq!(details["address"]["country"], "DE");
    let invoice = shop.api.invoice(complete["invoice"].as_str().unwrap());
    assert_eq!(
        (&invoice["customer_name"], &invoice["customer_tax_ids"]),
        (&json!("Example GmbH"), &tax_ids)
    );
}

#[test]
fn tax_id_is_optional_unless_required() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("tax_id_collection[enabled]", "true"),
        ("customer_update[name]", "auto"),
        ("customer_update[address]", "auto"),
    ]);
    assert_eq!(session["tax_id_collection"], json!({ "enabled": true, "required": "never" }));
    let page = url(&session);
    shop.api.open(&page).shows(200, "Business name");
    shop.api.fill_in(&page, &paying(&[ADDRESS])).redirect_target();
    assert_eq!(shop.retrieve(&session)["customer_details"]["tax_ids"], json!([]));
}

#[test]
fn automatic_tax_applies_to_the_subscription() {
    let shop = Shop::new();
    let taxed: Form<'_> =
        &[("automatic_tax[enabled]", "true"), ("customer_update[address]", "auto")];
    let session = shop.session(taxed);
    let page = url(&session);
    let american = [("country", "US")];
    shop.api.fill_in(&page, &paying(&[&american])).shows(422, "Enter the postal code.");
    shop.api.fill_in(&page, &paying(&[ADDRESS])).redirect_target();
    let complete = shop.retrieve(&session);
    let sub = shop.api.subscription(complete["subscription"].as_str().unwrap());
    assert_eq!(sub["automatic_tax"]["enabled"], true);
    // An address without a location is not enough for a session that does not ask for one.
    let customer = format!("/v1/customers/{}", shop.customer);
    let form = [("address[country]", "US"), ("tax[validate_location]", "deferred")];
    shop.api.post(&customer, &form);
    let form: Form<'_> = &[
        ("mode", "subscription"),
        ("customer", &shop.customer),
        ("line_items[0][price]", &shop.price),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.example/"),
        ("automatic_tax[enabled]", "true"),
    ];
    let refusal = shop.api.refused(400, "POST", "/v1/checkout/sessions", form);
    assert_eq!(refusal.code(), "customer_tax_location_invalid");
}

#[test]
fn declined_payment_leaves_the_customer_unchanged() {
    let shop = Shop::new();
    let session = shop.session(&[
        ("billing_address_collection", "required"),
        ("customer_update[address]", "auto"),
    ]);
    let customer = format!("/v1/customers/{}", shop.customer);
    let before = shop.api.get(&customer, &[]);
    let form = [&card(crate::browse::DECLINED)[..], ADDRESS].concat();
    assert_eq!(shop.api.fill_in(&url(&session), &form).status, 402);
    assert_eq!(shop.api.get(&customer, &[]), before);
}

/// Creates a coupon and its promotion code.
fn code(shop: &Shop, letters: &str, more: Form<'_>) -> String {
    let coupon =
        id(&shop.api.post("/v1/coupons", &[("percent_off", "20"), ("duration", "forever")]));
    let form = [
        &[("promotion[type]", "coupon"), ("promotion[coupon]", coupon.as_str()), ("code", letters)],
        more,
    ]
    .concat();
    id(&shop.api.post("/v1/promotion_codes", &form))
}

#[test]
fn promotion_code_is_entered_on_the_page() {
    let shop = Shop::new();
    let promotion = code(&shop, "SUMMER", &[]);
    let session = shop.session(&[("allow_promotion_codes", "true")]);
    let page = url(&session);
    let apply = format!("{page}/promotion");
    shop.api.open(&page).shows(200, "Promotion code");
    let entered = |text| shop.api.fill_in(&apply, &[("promotion_code", text)]);
    assert!(page.ends_with(entered("summer").redirect_target()));
    let shown = shop.api.open(&page);
    shown.shows(200, "Subscribe and pay $28.00");
    shown.shows(200, "Remove code");
    let discounted = shop.retrieve(&session);
    assert_eq!(discounted["discounts"], json!([{ "coupon": null, "promotion_code": promotion }]));
    assert_eq!(
        (&discounted["amount_total"], &discounted["total_details"]["amount_discount"]),
        (&json!(2800), &json!(700))
    );
    entered("").redirect_target();
    assert_eq!(shop.retrieve(&session)["amount_total"], 3500);
    entered("SUMMER").redirect_target();
    shop.api.fill_in(&page, &card(VISA)).redirect_target();
    let complete = shop.retrieve(&session);
    let invoice = shop.api.invoice(complete["invoice"].as_str().unwrap());
    assert_eq!(invoice["amount_paid"], 2800);
    let redeemed = shop.api.get(&format!("/v1/promotion_codes/{promotion}"), &[]);
    assert_eq!(redeemed["times_redeemed"], 1);
}

#[test]
fn invalid_promotion_codes_are_refused_on_the_page() {
    let shop = Shop::new();
    code(&shop, "OFF", &[("active", "false")]);
    let other = id(&shop.api.post("/v1/customers", &[]));
    code(&shop, "OTHERS", &[("customer", &other)]);
    let session = shop.session(&[("allow_promotion_codes", "true")]);
    let apply = format!("{}/promotion", url(&session));
    for text in ["NONE", "OFF", "OTHERS"] {
        let reply = shop.api.fill_in(&apply, &[("promotion_code", text)]);
        reply.shows(422, "This code is invalid.");
        reply.shows(422, &format!("value=\"{text}\""));
    }
    assert_eq!(shop.retrieve(&session)["discounts"], json!([]));
    let plain = shop.session(&[]);
    shop.api.open(&url(&plain));
    let reply = shop.api.fill_in(&format!("{}/promotion", url(&plain)), &[]);
    reply.shows(404, "No such page");
}
