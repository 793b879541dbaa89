//! Promotion codes and their restrictions.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, at_the_middle};
use crate::support::{Api, Form, id, stamp};

fn coupon(api: &Api) -> String {
    id(&api.post("/v1/coupons", &[("percent_off", "25"), ("duration", "forever")]))
}

fn code(case: &Case, coupon: &str, more: Form<'_>) -> Value {
    let form = [&[("promotion[type]", "coupon"), ("promotion[coupon]", coupon)], more].concat();
    case.api.post("/v1/promotion_codes", &form)
}

fn subscribe_with(case: &Case, customer: &str, code: &str) -> Vec<(&'static str, String)> {
    let price = case.api.monthly("Pro", "usd", "1000");
    vec![
        ("customer", customer.to_owned()),
        ("items[0][price]", price),
        ("discounts[0][promotion_code]", code.to_owned()),
        ("expand[]", "latest_invoice.discounts.promotion_code".to_owned()),
    ]
}

fn borrowed<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn promotion_code_applies_its_coupon() {
    let case = at_the_middle("1000", &[]);
    let coupon = coupon(&case.api);
    let made = code(&case, &coupon, &[("code", "SPRING"), ("metadata[a]", "b")]);
    assert_eq!((&made["code"], &made["active"]), (&json!("SPRING"), &json!(true)));
    assert_eq!(made["promotion"], json!({ "coupon": coupon, "type": "coupon" }));
    let customer = case.api.customer(&case.clock, Some("pm_card_visa"), &[]);
    let form = subscribe_with(&case, &customer, &id(&made));
    let sub = case.api.post("/v1/subscriptions", &borrowed(&form));
    assert_eq!(sub["latest_invoice"]["total"], 750);
    let discount = &sub["latest_invoice"]["discounts"][0];
    assert_eq!(discount["promotion_code"]["id"], made["id"]);
    assert_eq!(discount["promotion_code"]["times_redeemed"], 1);
    let path = format!("/v1/promotion_codes/{}", id(&made));
    let shown = case.api.get(&path, &[("expand[]", "promotion.coupon")]);
    assert_eq!(shown["promotion"]["coupon"]["times_redeemed"], 1);
    // A preview applies the code without redeeming it.
    let form = [("subscription", case.sub.as_str()), ("discounts[0][promotion_code]", &id(&made))];
    assert_eq!(case.api.post("/v1/invoices/create_preview", &form)["total"], 750);
    assert_eq!(case.api.get(&path, &[])["times_redeemed"], 1);
    let form = [("discounts[0][promotion_code]", id(&made)), ("expand[]", "discounts".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    case.api.post(&format!("/v1/subscriptions/{}", case.sub), &form);
    assert_eq!(case.api.get(&path, &[])["times_redeemed"], 2);
}

#[test]
fn promotion_codes_are_found_case_insensitively() {
    let case = at_the_middle("1000", &[]);
    let (one, other) = (coupon(&case.api), coupon(&case.api));
    let spring = id(&code(&case, &one, &[("code", "Spring")]));
    let random = code(&case, &other, &[]);
    assert!(random["code"].as_str().unwrap().len() >= 8);
    let found = |form: Form<'_>| -> Vec<Value> {
        let list = case.api.get("/v1/promotion_codes", form);
        list["data"].as_array().unwrap().iter().map(|code| code["id"].clone()).collect()
    };
    assert_eq!(found(&[("code", "SPRING")]), [json!(spring)]);
    assert_eq!(found(&[("coupon", &other)]), [random["id"].clone()]);
    assert_eq!(found(&[]).len(), 2);
    let again =
        [("promotion[type]", "coupon"), ("promotion[coupon]", one.as_str()), ("code", "SPRING")];
    let refusal = case.api.refused(400, "POST", "/v1/promotion_codes", &again);
    assert_eq!(refusal.code(), "resource_already_exists");
    case.api.post(&format!("/v1/promotion_codes/{spring}"), &[("active", "false")]);
    assert_eq!(found(&[("active", "true")]), [random["id"].clone()]);
    assert_eq!(case.api.post("/v1/promotion_codes", &again)["active"], true);
}

#[test]
fn promotion_code_restrictions_are_enforced() {
    let case = at_the_middle("1000", &[]);
    let coupon = coupon(&case.api);
    let mine = case.api.customer(&case.clock, Some("pm_card_visa"), &[]);
    let end = datetime!(2027-04-20 00:00 UTC).unix_timestamp().to_string();
    let rows: [(Form<'_>, &str); 4] = [
        (&[("customer", &mine)], "it belongs to another customer"),
        (
            &[("restrictions[first_time_transaction]", "true")],
            "the associated customer has prior transactions",
        ),
        (&[("max_redemptions", "1")], "it is inactive or has expired"),
        (&[("active", "false")], "it is inactive or has expired"),
    ];
    for (form, why) in rows {
        let code = id(&code(&case, &coupon, form));
        if why.starts_with("it is") && form[0].0 == "max_redemptions" {
            let form = subscribe_with(&case, &mine, &code);
            case.api.post("/v1/subscriptions", &borrowed(&form));
        }
        // The case's subscription has paid for April.
        let form = subscribe_with(&case, &case.customer, &code);
        let form: Vec<(&str, &str)> = borrowed(&form);
        let refusal = case.api.refused(400, "POST", "/v1/subscriptions", &form);
        assert_eq!(
            refusal.message(),
            format!("This promotion code cannot be redeemed because {why}.")
        );
    }
    let brief = code(&case, &coupon, &[("expires_at", &end), ("customer", &mine)]);
    assert_eq!(brief["expires_at"], stamp(datetime!(2027-04-20 00:00 UTC)));
    assert!(MIDDLE.unix_timestamp() < brief["expires_at"].as_i64().unwrap());
    let form = subscribe_with(&case, &mine, &id(&brief));
    assert_eq!(case.api.post("/v1/subscriptions", &borrowed(&form))["status"], "active");
    case.api.advance(&case.clock, datetime!(2027-04-20 00:00 UTC));
    let form = subscribe_with(&case, &mine, &id(&brief));
    case.api.refused(400, "POST", "/v1/subscriptions", &borrowed(&form));
    let path = format!("/v1/promotion_codes/{}", id(&brief));
    assert_eq!(case.api.get(&path, &[])["active"], false);
}

#[test]
fn checkout_accepts_a_code_without_allow_promotion_codes() {
    let case = at_the_middle("1000", &[]);
    let code = id(&code(&case, &coupon(&case.api), &[]));
    let price = case.api.monthly("Pro", "usd", "1000");
    let form = [
        ("mode", "subscription"),
        ("success_url", "https://example.com/done"),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("discounts[0][promotion_code]", &code),
    ];
    let session = case.api.post("/v1/checkout/sessions", &form);
    assert_eq!(
        (&session["amount_subtotal"], &session["amount_total"]),
        (&json!(1000), &json!(750))
    );
    assert_eq!(session["discounts"], json!([{ "coupon": null, "promotion_code": code }]));
    let both = [&form[..], &[("allow_promotion_codes", "true")]].concat();
    let refusal = case.api.refused(400, "POST", "/v1/checkout/sessions", &both);
    assert_eq!(
        refusal.message(),
        "You may only specify one of these parameters: allow_promotion_codes, discounts."
    );
    let two = [&form[..], &[("discounts[0][coupon]", "x")]].concat();
    assert_eq!(
        case.api.refused(400, "POST", "/v1/checkout/sessions", &two).code(),
        "parameters_exclusive"
    );
}
