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
        "unit_amount_decimal": amount.to_string(),
    });
    with(fixtures::price(&format!("price_{tier}_{interval}"), "", "licensed"), &change)
}

fn metered(tier: &str, interval: &str, fields: &Value) -> Value {
    let usage = json!({
        "id": "price_m", "lookup_key": null, "unit_amount_decimal": null,
        "recurring": { "interval": interval, "interval_count": 1, "usage_type": "metered", "meter": "mtr_1" },
        "metadata": { "cantila_meter": "cpu", "cantila_unit": "vCore-hour" },
    });
    with(with(base(tier, interval, 0), &usage), fields)
}

fn tier(up_to: Option<i64>, unit: &str) -> Value {
    json!({ "up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": null })
}

/// Returns the tiers of an allowance and a price.
fn tiers(included: i64, unit: &str) -> Value {
    json!([tier(Some(included), "0"), tier(None, unit)])
}

/// Returns an account's own base price of a plan.
fn own(tier: &str, interval: &str, amount: i64, quantity: u64) -> OwnPrice {
    let shape = PriceShape::of(&view(base(tier, interval, amount)), usd()).expect("a price");
    OwnPrice { tier: tier.to_owned(), shape, quantity }
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
    let offers = catalog(&prices).offers(usd(), None);
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
fn order_counts_quantity_and_own_price() {
    let mut team = base("team", "month", 0);
    team["tiers_mode"] = json!("volume");
    team["unit_amount_decimal"] = Value::Null;
    team["tiers"] = json!([tier(Some(5), "5000"), tier(None, "1000")]);
    let mut quarterly = base("quarterly", "month", 6_000);
    quarterly["recurring"]["interval_count"] = json!(3);
    let catalog = catalog(&json!([
        team,
        quarterly,
        base("pro", "month", 3_500),
        base("pro", "year", 35_000),
        base("weekly", "week", 500), // not sold by the week
        base("starter", "month", 1_000),
    ]));
    let order = |own: Option<&OwnPrice>| {
        let offers = catalog.offers(usd(), own);
        let names =
            offers.iter().map(|offer| format!("{} {}", offer.tier, offer.interval.as_str()));
        names.collect::<Vec<_>>().join(", ")
    };
    let listed = "starter month, quarterly month, pro month, pro year, team month";
    assert_eq!(order(None), listed);
    // Six seats of team cost 60.00, those of pro 210.00.
    assert_eq!(
        order(Some(&own("pro", "month", 3_500, 6))),
        "starter month, team month, quarterly month, pro month, pro year"
    );
    // An old price of pro below all others.
    assert_eq!(
        order(Some(&own("pro", "month", 900, 1))),
        "pro month, pro year, starter month, quarterly month, team month"
    );
    // A yearly price does not count where the plan is sold by the month, too.
    assert_eq!(order(Some(&own("pro", "year", 900, 1))), listed);
    // The price of a plan that is no longer offered.
    assert_eq!(order(Some(&own("old", "month", 900, 1))), listed);
}

#[test]
fn base_price_of_any_shape_is_offered() {
    let volume = json!({ "tiers_mode": "volume", "unit_amount_decimal": null, "tiers": [tier(Some(5), "1200.5"), tier(None, "900")] });
    let cases = [
        (json!({}), "35.00", "3500"),
        (json!({ "unit_amount_decimal": "0.4" }), "0.00", "0.4"),
        (json!({ "unit_amount_decimal": "3500.5" }), "35.01", "3500.5"),
        (json!({ "transform_quantity": { "divide_by": 5, "round": "up" } }), "35.00", "3500"),
        (json!({ "transform_quantity": { "divide_by": 5, "round": "down" } }), "0.00", "0"),
        (volume, "12.01", "1200.5"),
        (
            json!({ "recurring": { "interval": "month", "interval_count": 3, "usage_type": "licensed" } }),
            "35.00",
            "1166.6666666666666666666666667",
        ),
    ];
    for (fields, amount, monthly) in cases {
        let offers =
            catalog(&json!([with(base("pro", "month", 3_500), &fields)])).offers(usd(), None);
        let got: Vec<_> = offers
            .iter()
            .map(|offer| (offer.amount.to_string(), offer.shape.monthly(1).normalize().to_string()))
            .collect();
        assert_eq!(got, [(amount.to_owned(), monthly.to_owned())], "{fields}");
    }
}

#[test]
fn metered_price_without_amounts_in_the_currency_is_left_out() {
    let priced = metered("pro", "month", &json!({ "unit_amount_decimal": "1.2" }));
    let in_euros =
        metered("pro", "month", &json!({ "currency": "eur", "unit_amount_decimal": "1.2" }));
    for (price, count) in [(priced, 1), (in_euros, 0)] {
        let offers = catalog(&json!([base("pro", "month", 3_500), price])).offers(usd(), None);
        assert_eq!(offers[0].metered.len(), count);
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
    let offers = catalog(&prices).offers(usd(), None);
    let metered: Vec<_> = offers.iter().map(|offer| offer.metered.len()).collect();
    assert_eq!(metered, [0, 1]);
}

/// Returns a metered price on the product of its meter.
fn on_meter(tier: &str, interval: &str, fields: &Value) -> Value {
    let product = json!({
        "id": "prod_cpu", "active": true, "name": "CPU", "description": null, "unit_label": "vCore-hour",
        "metadata": { "cantila_meter": "cpu" },
    });
    let own = json!({
        "id": format!("price_cpu_{tier}"), "product": product, "unit_amount_decimal": "1.2",
        "metadata": { "cantila_plan": tier, "cantila_meter": "cpu" },
    });
    metered(tier, interval, &with(own, fields))
}

#[test]
fn metered_price_on_its_meters_product_belongs_to_the_plan_that_it_names() {
    let mut archived = on_meter("pro", "month", &json!({ "id": "price_gone" }));
    archived["product"]["active"] = json!(false);
    archived["metadata"]["cantila_meter"] = json!("ram");
    let prices = json!([
        base("pro", "month", 3_500),
        base("agency", "month", 9_900),
        on_meter("pro", "month", &json!({})),
        on_meter("agency", "month", &json!({})),
        on_meter("agency", "year", &json!({})),
        on_meter(
            "pro",
            "month",
            &json!({ "id": "price_addon", "metadata": { "cantila_meter": "disk" } })
        ),
        archived,
    ]);
    let offers = catalog(&prices).offers(usd(), None);
    let metered: Vec<_> = offers
        .iter()
        .map(|offer| {
            let of = |metered: &Metered| {
                [&metered.price, &metered.meter]
                    .map(Clone::clone)
                    .to_vec()
                    .into_iter()
                    .chain(metered.unit.clone())
                    .collect::<Vec<_>>()
            };
            offer.metered.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    let one =
        |tier: &str| vec![vec![format!("price_cpu_{tier}"), "cpu".into(), "vCore-hour".into()]];
    assert_eq!(metered, [one("pro"), one("agency")]);
}

#[test]
fn tier_of_a_price_is_its_own_else_that_of_its_product() {
    let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
    let cases = [
        ("prod_pro", json!({}), Some("pro")),
        ("prod_pro", json!({ "cantila_plan": "agency" }), Some("agency")),
        ("prod_cpu", json!({ "cantila_plan": "agency" }), Some("agency")),
        ("prod_cpu", json!({ "cantila_meter": "cpu" }), None),
    ];
    for (product, metadata, expected) in cases {
        let price = fixtures::price("price_1", product, "metered");
        let price: Price = view(with(price, &json!({ "metadata": metadata })));
        assert_eq!(tiers.of(&price), expected, "{product} {metadata}");
        if product == "prod_pro" {
            let on_product =
                json!({ "product": fixtures::product("prod_pro", "pro"), "metadata": metadata });
            let expanded: Price =
                view(with(fixtures::price("price_1", "", "metered"), &on_product));
            assert_eq!(tier_of(&expanded), expected);
        }
    }
}

#[test]
fn pending_update_leads_to_the_plan_of_its_base_price() {
    let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
    let update = |prices: &[Value]| -> PendingUpdate {
        let items: Vec<Value> = prices.iter().map(|price| json!({ "price": price })).collect();
        view(json!({ "expires_at": 9, "subscription_items": items }))
    };
    let addon = fixtures::price("price_ip", "prod_ip", "licensed");
    let usage = with(
        fixtures::price("price_cpu", "prod_cpu", "metered"),
        &json!({ "metadata": { "cantila_plan": "agency" } }),
    );
    let base = fixtures::price("price_pro", "prod_pro", "licensed");
    let all = update(&[addon.clone(), usage.clone(), base]);
    assert_eq!(tiers.of_pending(&all), Some("pro"));
    assert_eq!(tiers.of_pending(&update(&[addon.clone(), usage])), Some("agency"));
    assert_eq!(tiers.of_pending(&update(&[addon])), None);
}

#[test]
fn replaced_metered_price_counts_once() {
    let old = metered("pro", "month", &json!({ "unit_amount_decimal": "1" }));
    let key = json!({ "unit_amount_decimal": "2", "lookup_key": "cantila_pro_month_cpu" });
    let new = metered("pro", "month", &key);
    let moved = on_meter("pro", "month", &key);
    for prices in [[&old, &new], [&new, &old], [&old, &moved], [&moved, &old]] {
        let offers = catalog(&json!([base("pro", "month", 3_500), prices[0], prices[1]]))
            .offers(usd(), None);
        let units: Vec<_> =
            offers[0].metered.iter().filter_map(|metered| metered.shape.allowance()).collect();
        assert_eq!(units, [(0.into(), 2.into())]);
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
    quarterly["lookup_key"] = json!("cantila_pro_quarter");
    let mut archived = base("old", "month", 1_000);
    archived["product"]["active"] = json!(false);
    let prices = json!([addon, superseded, quarterly, archived, base("pro", "month", 3_500)]);
    let amounts: Vec<_> =
        catalog(&prices).offers(usd(), None).iter().map(|offer| offer.amount.minor).collect();
    assert_eq!(amounts, [3_500]);
    assert_eq!(catalog(&prices).offers("eur".parse().expect("a currency"), None), []);
}

#[test]
fn currency_option_is_offered_in_its_currency() {
    let eur = "eur".parse().expect("a currency");
    let mut pro = base("pro", "month", 3_500);
    pro["currency_options"] = json!({ "eur": { "unit_amount_decimal": "3200" } });
    let usage = |option: Value| {
        let fields = json!({ "tiers_mode": "graduated", "tiers": tiers(1, "2"), "currency_options": { "eur": option } });
        metered("pro", "month", &fields)
    };
    let without = usage(json!({ "unit_amount_decimal": null }));
    let with = usage(json!({ "unit_amount_decimal": null, "tiers": tiers(1, "3") }));
    assert!(catalog(&json!([pro, without])).lacks_amounts(eur));
    let catalog = catalog(&json!([pro, with]));
    assert!(!catalog.lacks_amounts(eur) && !catalog.lacks_amounts(usd()));
    let offer = &catalog.offers(eur, None)[0];
    assert_eq!(offer.amount.to_string(), "32.00");
    assert_eq!(offer.metered[0].shape.allowance(), Some((1.into(), 3.into())));
}
