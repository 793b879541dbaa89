use fixtures::{view, with};
use serde_json::{Value, json};

use super::*;

fn usd() -> Currency {
    "usd".parse().expect("a currency")
}

fn catalog(prices: &Value) -> Catalog {
    Catalog { prices: view(prices.clone()) }
}

fn base(tier: &str, interval: &str, amount: i64) -> Value {
    let product = fixtures::product(&format!("prod_{tier}"), tier);
    let change = json!({
        "lookup_key": format!("cantila_{tier}_{interval}"), "product": product,
        "recurring": { "interval": interval, "interval_count": 1, "usage_type": "licensed" },
        "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
    });
    with(fixtures::price(&format!("price_{tier}_{interval}"), "", "licensed"), &change)
}

fn metered(tier: &str, interval: &str, fields: &Value) -> Value {
    let usage = json!({
        "id": "price_m", "lookup_key": null, "unit_amount": null, "unit_amount_decimal": null,
        "recurring": { "interval": interval, "interval_count": 1, "usage_type": "metered", "meter": "mtr_1" },
        "metadata": { "cantila_meter": "cpu", "cantila_unit": "vCore-hour" },
    });
    with(with(base(tier, interval, 0), &usage), fields)
}

fn tiers(included: i64, unit: &str) -> Value {
    json!([{ "up_to": included, "unit_amount_decimal": "0" }, { "up_to": null, "unit_amount_decimal": unit }])
}

#[test]
fn offers_are_ordered_by_monthly_amount_then_interval() {
    let prices = json!([
        base("pro", "year", 35_000),
        base("agency", "month", 9_900),
        base("pro", "month", 3_500),
        base("hobby", "month", 0),
        base("annual", "year", 12_000),
        base("agency", "year", 99_000),
    ]);
    let offers = catalog(&prices).offers(usd());
    let order: Vec<_> =
        offers.iter().map(|offer| (offer.tier.as_str(), offer.interval.as_str())).collect();
    let expected = [
        ("hobby", "month"),
        ("annual", "year"),
        ("pro", "month"),
        ("pro", "year"),
        ("agency", "month"),
        ("agency", "year"),
    ];
    assert_eq!(order, expected);
}

#[test]
fn usage_is_priced_beyond_the_allowance() {
    let cases = [
        (json!({ "tiers": tiers(100, "1.2") }), Some(("100", "1.2"))),
        (json!({ "unit_amount_decimal": "1.2" }), Some(("0", "1.2"))),
        (json!({ "tiers": [{ "up_to": null, "unit_amount_decimal": "4" }] }), Some(("0", "4"))),
        (
            json!({ "tiers": [{ "up_to": 10, "unit_amount_decimal": "5" }, { "up_to": null, "unit_amount_decimal": "4" }] }),
            Some(("0", "5")),
        ),
        (
            json!({ "unit_amount_decimal": "200", "transform_quantity": { "divide_by": 1000, "round": "up" } }),
            Some(("0", "0.2")),
        ),
        (json!({}), None),
    ];
    for (fields, expected) in cases {
        let offers =
            catalog(&json!([base("pro", "month", 3_500), metered("pro", "month", &fields)]))
                .offers(usd());
        let got: Vec<_> = offers[0]
            .metered
            .iter()
            .map(|metered| {
                (metered.included.to_string(), metered.unit_amount.normalize().to_string())
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(included, unit)| (included.to_owned(), unit.to_owned()))
            .collect();
        assert_eq!(got, expected, "{fields}");
    }
}

#[test]
fn plan_has_the_prices_of_its_product_and_interval() {
    let usage = json!({ "unit_amount_decimal": "1.2" });
    let prices = json!([
        base("pro", "month", 3_500),
        base("pro", "year", 35_000),
        metered("pro", "year", &usage),
        metered("agency", "month", &usage),
    ]);
    let offers = catalog(&prices).offers(usd());
    let metered: Vec<_> = offers.iter().map(|offer| offer.metered.len()).collect();
    assert_eq!(metered, [0, 1]);
}

#[test]
fn replaced_metered_price_counts_once() {
    let old = metered("pro", "month", &json!({ "unit_amount_decimal": "1" }));
    let new = metered(
        "pro",
        "month",
        &json!({ "unit_amount_decimal": "2", "lookup_key": "cantila_pro_month_cpu" }),
    );
    for prices in [[&old, &new], [&new, &old]] {
        let offers =
            catalog(&json!([base("pro", "month", 3_500), prices[0], prices[1]])).offers(usd());
        let units: Vec<_> =
            offers[0].metered.iter().map(|metered| metered.unit_amount.to_string()).collect();
        assert_eq!(units, ["2"]);
    }
}

#[test]
fn add_ons_old_prices_and_other_currencies_are_not_offered() {
    let mut addon = base("ip", "month", 500);
    addon["product"]["metadata"] = json!({});
    let mut superseded = base("pro", "month", 3_000);
    superseded["lookup_key"] = Value::Null;
    let mut quarterly = base("pro", "month", 9_000);
    quarterly["recurring"]["interval_count"] = json!(3);
    let mut archived = base("old", "month", 1_000);
    archived["product"]["active"] = json!(false);
    let prices = json!([addon, superseded, quarterly, archived, base("pro", "month", 3_500)]);
    let amounts: Vec<_> =
        catalog(&prices).offers(usd()).iter().map(|offer| offer.amount.minor).collect();
    assert_eq!(amounts, [3_500]);
    assert_eq!(catalog(&prices).offers("eur".parse().expect("a currency")), []);
}

#[test]
fn currency_option_is_offered_in_its_currency() {
    let eur = "eur".parse().expect("a currency");
    let mut pro = base("pro", "month", 3_500);
    pro["currency_options"] =
        json!({ "eur": { "unit_amount": 3_200, "unit_amount_decimal": "3200" } });
    let without = metered(
        "pro",
        "month",
        &json!({ "tiers": tiers(1, "2"), "currency_options": { "eur": {} } }),
    );
    let with = metered(
        "pro",
        "month",
        &json!({ "tiers": tiers(1, "2"), "currency_options": { "eur": { "tiers": tiers(1, "3") } } }),
    );
    assert!(catalog(&json!([pro, without])).lacks_tiers(eur));
    let catalog = catalog(&json!([pro, with]));
    assert!(!catalog.lacks_tiers(eur) && !catalog.lacks_tiers(usd()));
    let offer = &catalog.offers(eur)[0];
    assert_eq!(
        (offer.amount.to_string(), offer.metered[0].unit_amount.to_string()),
        ("32.00".to_owned(), "3".to_owned())
    );
}
