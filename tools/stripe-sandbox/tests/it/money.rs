//! Currencies, taxes, coupons, balances, and amounts below the minimum charge.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, amounts, id};

const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
const RENEWED: OffsetDateTime = datetime!(2027-05-01 01:00 UTC);

fn tax(api: &Api, percentage: &str, inclusive: &str) -> String {
    let form = [("display_name", "VAT"), ("percentage", percentage), ("inclusive", inclusive)];
    id(&api.post("/v1/tax_rates", &form))
}

fn first_invoice(api: &Api, currency: &str, amount: &str, more: Form<'_>) -> Value {
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", currency, amount);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, more);
    api.invoice(sub["latest_invoice"].as_str().unwrap())
}

fn sums(invoice: &Value) -> [i64; 4] {
    ["subtotal", "total_excluding_tax", "total", "amount_due"]
        .map(|key| invoice[key].as_i64().unwrap())
}

#[test]
fn yen_has_no_decimals_and_dinar_three_with_a_final_zero() {
    let api = Api::new();
    let yen = first_invoice(&api, "jpy", "4120", &[]);
    assert_eq!((&yen["currency"], &yen["amount_paid"]), (&json!("jpy"), &json!(4120)));
    assert_eq!(yen["lines"]["data"][0]["description"], "1 × Pro (at ¥4120 / month)");

    let vat = tax(&api, "7.5", "false");
    let dinar = first_invoice(&api, "kwd", "4120", &[("default_tax_rates[0]", &vat)]);
    // 7.5 % of 4120 is 309, of which only tens can be charged.
    assert_eq!(sums(&dinar), [4120, 4120, 4430, 4430]);
    let product = api.product("Odd");
    let form = [
        ("product", product.as_str()),
        ("currency", "kwd"),
        ("unit_amount", "4125"),
        ("recurring[interval]", "month"),
    ];
    api.refused(400, "POST", "/v1/prices", &form);
}

#[test]
fn exclusive_tax_is_added_and_inclusive_tax_is_included() {
    let api = Api::new();
    let vat = tax(&api, "19", "false");
    let invoice = first_invoice(&api, "eur", "1000", &[("default_tax_rates[]", &vat)]);
    assert_eq!(sums(&invoice), [1000, 1000, 1190, 1190]);
    let line = &invoice["lines"]["data"][0]["taxes"][0];
    assert_eq!((&line["amount"], &line["taxable_amount"]), (&json!(190), &json!(1000)));
    assert_eq!(line["tax_rate_details"]["tax_rate"], vat);
    assert_eq!(invoice["total_taxes"][0]["tax_behavior"], "exclusive");

    let gst = tax(&api, "19", "true");
    let invoice = first_invoice(&api, "eur", "1190", &[("default_tax_rates[]", &gst)]);
    assert_eq!(sums(&invoice), [1190, 1000, 1190, 1190]);
    assert_eq!(invoice["subtotal_excluding_tax"], 1000);
    let total = &invoice["total_taxes"][0];
    assert_eq!((&total["tax_behavior"], &total["amount"]), (&json!("inclusive"), &json!(190)));
}

#[test]
fn coupons_take_off_a_percentage_or_an_amount_for_their_duration() {
    let api = Api::new();
    let coupon = |form: Form<'_>| id(&api.post("/v1/coupons", form));
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "1000");
    let rows: [(Form<'_>, [i64; 3]); 4] = [
        (&[("percent_off", "12.5"), ("duration", "forever")], [875, 875, 875]),
        (&[("percent_off", "50"), ("duration", "once")], [500, 1000, 1000]),
        (
            &[
                ("amount_off", "300"),
                ("currency", "usd"),
                ("duration", "repeating"),
                ("duration_in_months", "2"),
            ],
            [700, 700, 1000],
        ),
        (&[("amount_off", "5000"), ("currency", "usd"), ("duration", "once")], [0, 1000, 1000]),
    ];
    let mut subs = Vec::new();
    for (form, _) in &rows {
        let coupon = coupon(form);
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        subs.push(id(&api.subscribe(&customer, &base, &[("discounts[0][coupon]", &coupon)])));
    }
    api.advance(&clock, RENEWED);
    api.advance(&clock, datetime!(2027-06-01 01:00 UTC));
    for (sub, (form, expected)) in subs.iter().zip(&rows) {
        let totals: Vec<i64> =
            api.invoices(sub).iter().rev().map(|i| i["total"].as_i64().unwrap()).collect();
        assert_eq!(totals, expected, "{form:?}");
    }
}

#[test]
fn discounts_are_ids_unless_expanded() {
    let api = Api::new();
    let coupon = id(&api.post(
        "/v1/coupons",
        &[("percent_off", "25"), ("duration", "forever"), ("name", "Friends")],
    ));
    let invoice = first_invoice(&api, "usd", "1000", &[("discounts[0][coupon]", &coupon)]);
    let discount = invoice["discounts"][0].as_str().unwrap();
    assert_eq!(invoice["total_discount_amounts"], json!([{ "amount": 250, "discount": discount }]));
    let path = format!("/v1/invoices/{}", id(&invoice));
    let expanded = api.get(&path, &[("expand[]", "discounts.source.coupon")]);
    assert_eq!(expanded["discounts"][0]["source"]["coupon"]["name"], "Friends");
    let used = api.get(&format!("/v1/coupons/{coupon}"), &[]);
    assert_eq!((&used["times_redeemed"], &used["percent_off"]), (&json!(1), &json!(25)));
}

#[test]
fn credit_is_used_first_and_the_rest_stays_on_the_balance() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let path = format!("/v1/customers/{customer}/balance_transactions");
    api.post(&path, &[("amount", "-1300"), ("currency", "usd")]);
    let sub = api.subscribe(&customer, &base, &[]);
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(
        (&first["starting_balance"], &first["ending_balance"]),
        (&json!(-1300), &json!(-300))
    );
    assert_eq!((&first["amount_due"], &first["status"]), (&json!(0), &json!("paid")));

    api.advance(&clock, RENEWED);
    let second = api.invoices(&id(&sub)).remove(0);
    assert_eq!((&second["amount_paid"], &second["ending_balance"]), (&json!(700), &json!(0)));
    assert_eq!(api.get(&format!("/v1/customers/{customer}"), &[])["balance"], 0);
    let booked: Vec<(Value, Value)> = api.get(&path, &[])["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["type"].clone(), entry["amount"].clone()))
        .collect();
    let expected =
        [("applied_to_invoice", 300), ("applied_to_invoice", 1000), ("adjustment", -1300)];
    assert_eq!(booked, expected.map(|(kind, amount)| (json!(kind), json!(amount))));
}

#[test]
fn total_below_the_minimum_is_added_to_the_next_invoice() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Tiny", "usd", "30");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[]);
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(sums(&first), [30, 30, 30, 0]);
    assert_eq!((&first["status"], &first["ending_balance"]), (&json!("paid"), &json!(30)));
    api.advance(&clock, RENEWED);
    let second = api.invoices(&id(&sub)).remove(0);
    // 30 of its own and 30 of the first invoice.
    assert_eq!((&second["amount_paid"], &second["starting_balance"]), (&json!(60), &json!(30)));
}

#[test]
fn customer_has_one_currency_and_prices_can_have_several() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let price = api.price(
        "Pro",
        &[
            ("currency", "usd"),
            ("unit_amount", "3500"),
            ("recurring[interval]", "month"),
            ("currency_options[eur][unit_amount]", "3300"),
        ],
    );
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &price, &[("currency", "eur")]);
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((&invoice["currency"], &invoice["total"]), (&json!("eur"), &json!(3300)));
    let dollars = api.monthly("Only", "usd", "100");
    let form = [("customer", customer.as_str()), ("items[0][price]", &dollars)];
    let refusal = api.refused(400, "POST", "/v1/subscriptions", &form);
    assert!(refusal.message().starts_with("The price specified only supports `usd`"));
}

#[test]
fn unit_prices_below_a_cent_are_exact() {
    let api = Api::new();
    let price = api.price(
        "Egress",
        &[
            ("currency", "usd"),
            ("unit_amount_decimal", "0.000000000001"),
            ("recurring[interval]", "month"),
        ],
    );
    let shown = api.get(&format!("/v1/prices/{price}"), &[]);
    assert_eq!(
        (&shown["unit_amount"], &shown["unit_amount_decimal"]),
        (&Value::Null, &json!("0.000000000001"))
    );
    let whole = api.monthly("Pro", "usd", "3500");
    let shown = api.get(&format!("/v1/prices/{whole}"), &[]);
    assert_eq!(
        (&shown["unit_amount"], &shown["unit_amount_decimal"]),
        (&json!(3500), &json!("3500"))
    );
}

#[test]
fn tiers_of_all_currencies_can_be_expanded() {
    let api = Api::new();
    let price = api.price(
        "Seats",
        &[
            ("currency", "usd"),
            ("recurring[interval]", "month"),
            ("billing_scheme", "tiered"),
            ("tiers_mode", "volume"),
            ("tiers[0][up_to]", "10"),
            ("tiers[0][unit_amount]", "500"),
            ("tiers[1][up_to]", "inf"),
            ("tiers[1][unit_amount_decimal]", "400.5"),
            ("currency_options[eur][tiers][0][up_to]", "inf"),
            ("currency_options[eur][tiers][0][flat_amount]", "900"),
        ],
    );
    let path = format!("/v1/prices/{price}");
    assert!(api.get(&path, &[]).get("tiers").is_none());
    let shown =
        api.get(&path, &[("expand[]", "tiers"), ("expand[]", "currency_options.eur.tiers")]);
    assert_eq!(shown["tiers"][1]["unit_amount_decimal"], "400.5");
    assert_eq!(shown["currency_options"]["eur"]["tiers"][0]["flat_amount"], 900);
    assert!(shown["currency_options"]["usd"].get("tiers").is_none());
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &price, &[("items[0][quantity]", "11")]);
    // All eleven at the second tier: 4405.5, rounded once.
    assert_eq!(amounts(&api.invoice(sub["latest_invoice"].as_str().unwrap())), [4406]);
}
