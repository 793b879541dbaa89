use fixtures::{view, with};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

/// Returns the shape of a monthly price in USD with these fields.
fn shape(fields: &Value) -> Option<PriceShape> {
    let price = with(fixtures::price("price_1", "prod_1", "licensed"), fields);
    PriceShape::of(&view(price), currency("usd"))
}

fn priced(fields: &Value) -> PriceShape {
    shape(fields).expect("a complete price")
}

fn per_unit(unit: &str) -> Value {
    json!({ "unit_amount_decimal": unit })
}

fn package(unit: &str, divide_by: u64, round: &str) -> Value {
    json!({
        "unit_amount_decimal": unit,
        "transform_quantity": { "divide_by": divide_by, "round": round },
    })
}

/// Each tier: its upper bound (0 for none), its unit amount and its flat amount (empty for none).
fn tiered(mode: &str, tiers: &[(u32, &str, &str)]) -> Value {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let tier = |(up_to, unit, flat): &(u32, &str, &str)| {
        json!({
            "up_to": (*up_to > 0).then_some(*up_to),
            "unit_amount_decimal": given(unit), "flat_amount_decimal": given(flat),
        })
    };
    let tiers: Vec<Value> = tiers.iter().map(tier).collect();
    json!({ "tiers_mode": mode, "unit_amount_decimal": null, "tiers": tiers })
}

fn every(count: u32, unit: &str) -> Value {
    json!({ "recurring": { "interval": unit, "interval_count": count, "usage_type": "licensed" } })
}

#[test]
fn amount_is_what_stripe_bills() {
    // The example of https://docs.stripe.com/products-prices/pricing-models#tiered-pricing, with flat fees.
    let steps = [(5, "700", ""), (10, "650", "1000"), (0, "600", "2000")];
    let subcent = [(3, "0.5", ""), (0, "0.5", "")];
    let flat_only = [(10, "", "9900"), (0, "", "19900")];
    let cases = [
        (per_unit("3500"), 3, 10_500),
        (per_unit("3500"), 0, 0),
        (per_unit("0.4"), 1, 0),
        (per_unit("0.5"), 1, 1),
        (per_unit("0.5"), 3, 2),
        (package("2500", 5, "up"), 11, 7_500),
        (package("2500", 5, "down"), 11, 5_000),
        (package("2500", 5, "down"), 4, 0),
        (package("2500", 5, "up"), 5, 2_500),
        (tiered("graduated", &steps), 0, 0),
        (tiered("graduated", &steps), 1, 700),
        (tiered("graduated", &steps), 5, 3_500),
        (tiered("graduated", &steps), 6, 3_500 + 1_000 + 650),
        (tiered("graduated", &steps), 12, 3_500 + 1_000 + 3_250 + 2_000 + 1_200),
        (tiered("volume", &steps), 5, 3_500),
        (tiered("volume", &steps), 6, 3_900 + 1_000),
        (tiered("volume", &steps), 12, 7_200 + 2_000),
        // The flat fee of the first tier is billed for no unit, too.
        (tiered("graduated", &[(10, "5", "100"), (0, "4", "")]), 0, 100),
        (tiered("volume", &[(10, "5", "100"), (0, "4", "")]), 0, 100),
        (tiered("volume", &flat_only), 10, 9_900),
        (tiered("graduated", &flat_only), 11, 9_900 + 19_900),
        // Each line is rounded, so 3 and 2 units cost 2 and 1.
        (tiered("graduated", &subcent), 5, 3),
        (tiered("volume", &subcent), 5, 3),
        (tiered("volume", &subcent), 4, 2),
    ];
    for (fields, quantity, minor) in cases {
        let got = priced(&fields).amount(quantity).map(|amount| amount.minor);
        assert_eq!(got, Some(minor), "{quantity} of {fields}");
    }
}

#[test]
fn amount_is_a_multiple_of_the_currencys_step() {
    for (code, unit, minor) in [("jpy", "0.5", 1), ("kwd", "615", 620), ("isk", "9949", 9_900)] {
        let price = with(
            fixtures::price("price_1", "prod_1", "licensed"),
            &json!({ "currency": code, "unit_amount_decimal": unit }),
        );
        let shape = PriceShape::of(&view(price), currency(code)).expect("a price");
        assert_eq!(shape.amount(1), Some(Money::new(minor, currency(code))), "{code}");
    }
}

#[test]
fn amount_beyond_the_range_of_money_is_none() {
    let huge = priced(&per_unit("999999999999"));
    assert_eq!(huge.amount(u64::MAX), None);
    assert!(huge.monthly(u64::MAX) > Decimal::from(i64::MAX));
    let tiers = tiered("graduated", &[(0, "79228162514264337593543950335", "1")]);
    assert_eq!(priced(&tiers).amount(2), None);
    assert_eq!(priced(&tiers).monthly(2), Decimal::MAX);
}

#[test]
fn monthly_amount_counts_intervals_quantity_and_tiers() {
    let cases = [
        (with(per_unit("9000"), &every(3, "month")), 1, "3000"),
        (with(per_unit("42000"), &every(1, "year")), 1, "3500"),
        (with(per_unit("60000"), &every(2, "year")), 1, "2500"),
        // A month has 30.4375 days.
        (with(per_unit("100"), &every(1, "day")), 1, "3043.75"),
        (with(per_unit("1400"), &every(2, "week")), 1, "3043.75"),
        (per_unit("1000"), 5, "5000"),
        (per_unit("0.4"), 1, "0.4"),
        (package("2500", 5, "up"), 6, "5000"),
        (tiered("volume", &[(5, "1000", ""), (0, "800", "")]), 10, "8000"),
        (
            with(tiered("graduated", &[(5, "1000", ""), (0, "800", "250")]), &every(6, "month")),
            10,
            "1541.6666666666666666666666667",
        ),
    ];
    for (fields, quantity, expected) in cases {
        let got = priced(&fields).monthly(quantity).normalize().to_string();
        assert_eq!(got, expected, "{quantity} of {fields}");
    }
}

#[test]
fn one_allowance_and_one_price_describe_a_simple_price() {
    let cases = [
        (per_unit("1.2"), Some(("0", "1.2"))),
        (per_unit("0"), Some(("0", "0"))),
        (package("200", 1000, "up"), Some(("0", "0.2"))),
        (tiered("graduated", &[(0, "4", "")]), Some(("0", "4"))),
        (tiered("volume", &[(0, "4", "")]), Some(("0", "4"))),
        (tiered("graduated", &[(100, "0", ""), (0, "1.2", "")]), Some(("100", "1.2"))),
        (tiered("graduated", &[(100, "", "0"), (0, "1.2", "0")]), Some(("100", "1.2"))),
        (tiered("graduated", &[(50, "0", ""), (100, "0", ""), (0, "2", "")]), Some(("100", "2"))),
        (tiered("graduated", &[(10, "4", ""), (0, "4", "")]), Some(("0", "4"))),
        (tiered("graduated", &[(10, "5", ""), (0, "4", "")]), None),
        (tiered("graduated", &[(10, "0", ""), (20, "5", ""), (0, "4", "")]), None),
        (tiered("graduated", &[(100, "0", "500"), (0, "1.2", "")]), None),
        (tiered("graduated", &[(100, "0", ""), (0, "1.2", "500")]), None),
        (tiered("graduated", &[(0, "4", "100")]), None),
        (tiered("volume", &[(100, "0", ""), (0, "1.2", "")]), None),
        (tiered("volume", &[(10, "4", ""), (0, "4", "")]), None),
    ];
    for (fields, expected) in cases {
        let got = priced(&fields)
            .allowance()
            .map(|(included, unit)| (included.to_string(), unit.normalize().to_string()));
        let got = got.as_ref().map(|(included, unit)| (included.as_str(), unit.as_str()));
        assert_eq!(got, expected, "{fields}");
    }
}

#[test]
fn shape_needs_amounts_in_the_currency_and_every_tier() {
    let tiers = |tiers: &Value| json!({ "tiers_mode": "volume", "unit_amount_decimal": null, "tiers": tiers });
    let cases = [
        json!({ "currency": "eur" }),
        json!({ "currency": "eur", "currency_options": { "eur": { "unit_amount_decimal": "1" } } }),
        json!({ "unit_amount_decimal": null }),
        json!({ "recurring": null }),
        tiers(&Value::Null),
        tiers(&json!([])),
        tiers(&json!([{ "up_to": 5, "unit_amount_decimal": "1", "flat_amount_decimal": null }])),
    ];
    for fields in cases {
        assert_eq!(shape(&fields), None, "{fields}");
    }
    let in_euros =
        json!({ "currency": "eur", "currency_options": { "usd": { "unit_amount_decimal": "7" } } });
    assert_eq!(priced(&in_euros).amount(1), Some(Money::new(7, currency("usd"))));
}

/// A tier: size, unit amount and flat amount.
type Step = (u32, i64, i64);

/// Returns a price with these tiers and one more without an upper bound.
fn steps(mode: &str, steps: &[Step], last: Step) -> PriceShape {
    let mut up_to = 0;
    let mut tiers = Vec::new();
    for (size, unit, flat) in steps {
        up_to += size;
        tiers.push((up_to, unit.to_string(), flat.to_string()));
    }
    tiers.push((0, last.1.to_string(), last.2.to_string()));
    let tiers: Vec<_> =
        tiers.iter().map(|(up_to, unit, flat)| (*up_to, unit.as_str(), flat.as_str())).collect();
    priced(&tiered(mode, &tiers))
}

fn minor(shape: &PriceShape, quantity: u64) -> i64 {
    shape.amount(quantity).expect("within range").minor
}

fn a_step() -> impl Strategy<Value = Step> {
    (1..30_u32, 0..5_000_i64, 0..300_i64)
}

proptest! {
    #[test]
    fn graduated_amount_is_the_sum_over_single_units(
        bounded in prop::collection::vec(a_step(), 0..4), last in a_step(), quantity in 0..150_u64,
    ) {
        let shape = steps("graduated", &bounded, last);
        let all: Vec<Step> = bounded.iter().copied().chain([last]).collect();
        let tier_of = |nth: u64| {
            let mut up_to = 0;
            let holds = |(size, ..): &Step| { up_to += u64::from(*size); nth <= up_to };
            bounded.iter().position(holds).unwrap_or(bounded.len())
        };
        let mut expected = all[0].2;
        let mut reached = 0;
        for nth in 1..=quantity {
            let tier = tier_of(nth);
            if tier > reached {
                expected += all[tier].2;
                reached = tier;
            }
            expected += all[tier].1;
        }
        prop_assert_eq!(minor(&shape, quantity), expected);
    }

    #[test]
    fn volume_amount_is_one_tiers_for_the_whole_quantity(
        bounded in prop::collection::vec(a_step(), 0..4), last in a_step(), quantity in 0..150_u64,
    ) {
        let mut up_to = 0;
        let holds = |(size, ..): &&Step| { up_to += u64::from(*size); quantity <= up_to };
        let (_, unit, flat) = bounded.iter().find(holds).copied().unwrap_or(last);
        let expected = unit * i64::try_from(quantity).expect("small") + flat;
        prop_assert_eq!(minor(&steps("volume", &bounded, last), quantity), expected);
    }

    #[test]
    fn graduated_amount_grows_with_the_quantity(
        bounded in prop::collection::vec(a_step(), 0..4), last in a_step(), quantity in 0..150_u64,
    ) {
        let shape = steps("graduated", &bounded, last);
        prop_assert!(minor(&shape, quantity) <= minor(&shape, quantity + 1));
    }

    #[test]
    fn one_tier_and_packages_of_one_are_prices_per_unit(
        unit in 0..1_000_000_i64, scale in 0..4_u32, quantity in 0..10_000_u64, mode in "graduated|volume",
        round in "up|down",
    ) {
        let unit = Decimal::new(unit, scale).to_string();
        let shape = priced(&per_unit(&unit));
        let others = [package(&unit, 1, &round), tiered(&mode, &[(0, &unit, "")])];
        for other in others.map(|fields| priced(&fields)) {
            prop_assert_eq!(other.amount(quantity), shape.amount(quantity));
            prop_assert_eq!(other.monthly(quantity), shape.monthly(quantity));
            prop_assert_eq!(other.allowance(), shape.allowance());
        }
    }

    #[test]
    fn package_rounded_up_is_at_most_one_more(
        divide_by in 1..500_u64, quantity in 0..10_000_u64, unit in 1..10_000_i64,
    ) {
        let [up, down] = ["up", "down"].map(|round| minor(&priced(&package(&unit.to_string(), divide_by, round)), quantity));
        let expected = if quantity % divide_by == 0 { 0 } else { unit };
        prop_assert_eq!(up - down, expected);
    }
}
