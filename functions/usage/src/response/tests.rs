use std::str::FromStr as _;

use fixtures::{view, with};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::Timestamp;
use shared::stripe::views::{Line, Period, Price};

use super::*;
use crate::quantities::{by_day, readings};

fn usd() -> Currency {
    "usd".parse().expect("a currency")
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn days(from: &str, to: &str) -> Days {
    Days { from: day(from), to: day(to) }
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).expect("a decimal")
}

/// Returns the metered price `price_cpu` with these fields.
fn shape(fields: &Value) -> PriceShape {
    let price: Price = view(with(fixtures::price("price_cpu", "prod_cpu", "metered"), fields));
    PriceShape::of(&price, usd()).expect("amounts")
}

/// Returns a price of 1.2 cents a unit beyond an allowance of 100.
fn with_allowance() -> PriceShape {
    shape(&json!({
        "unit_amount_decimal": null, "tiers_mode": "graduated",
        "tiers": [
            { "up_to": 100, "unit_amount_decimal": "0", "flat_amount_decimal": null },
            { "up_to": null, "unit_amount_decimal": "1.2", "flat_amount_decimal": null },
        ],
    }))
}

fn line(price: &str, amount: i64, change: &Value) -> Line {
    let line = json!({
        "id": "il_1", "amount": amount, "period": { "start": 0, "end": 0 },
        "parent": { "subscription_item_details": { "subscription_item": "si_1", "proration": false } },
        "pricing": { "price_details": { "price": price, "product": "prod_cpu" } },
    });
    view(with(line, change))
}

struct Case<'a> {
    formula: Formula,
    quantities: &'a [(&'a str, &'a str)],
    shown: Days,
    /// `None` for days that are not in the current period.
    in_period: Option<InPeriod<'a>>,
}

/// Returns the response on 2026-06-04 about the meter `cpu`.
fn shown(case: Case<'_>) -> Value {
    let has_money = case.in_period.as_ref().is_some_and(|known| known.charged.is_some());
    let metered = Metered {
        listed: Listed {
            id: "mtr_1".to_owned(),
            meter: "cpu".to_owned(),
            name: Some("CPU".to_owned()),
            unit: Some("vCore-hour".to_owned()),
        },
        formula: case.formula,
        quantities: case.quantities.iter().map(|(on, value)| (day(on), decimal(value))).collect(),
        in_period: case.in_period,
    };
    let shown = Shown { days: case.shown, today: day("2026-06-04"), currency: usd() };
    serde_json::to_value(Usage::of(shown, vec![metered], has_money, vec![])).expect("serializes")
}

const PERIOD: (&str, &str) = ("2026-06-01", "2026-06-30");

fn in_period(lines: Option<Vec<&Line>>) -> InPeriod<'_> {
    InPeriod {
        period: days(PERIOD.0, PERIOD.1),
        price: Some(("price_cpu", with_allowance())),
        charged: lines.map(|lines| Charged { lines }),
    }
}

const USED: &[(&str, &str)] =
    &[("2026-06-01", "60"), ("2026-06-02", "50.5"), ("2026-06-04", "1000")];

#[test]
fn amounts_of_days_add_up_to_the_next_invoice() {
    let lines = [line("price_cpu", 0, &json!({})), line("price_cpu", 1_213, &json!({}))];
    let got = shown(Case {
        formula: Formula::Sum,
        quantities: USED,
        shown: days(PERIOD.0, PERIOD.1),
        in_period: Some(in_period(Some(lines.iter().collect()))),
    });
    let expected = json!({
        "from": "2026-06-01", "to": "2026-06-30", "currency": "USD",
        "meters": [{
            "meter": "cpu", "name": "CPU", "unit": "vCore-hour",
            "included": "100", "used": "1110.5", "remaining": "0", "amount": "12.13",
            "days": [
                { "date": "2026-06-01", "quantity": "60", "amount": "0.00" },
                { "date": "2026-06-02", "quantity": "50.5", "amount": "0.13" },
                { "date": "2026-06-03", "quantity": "0", "amount": "0.00" },
                { "date": "2026-06-04", "quantity": "1000", "amount": "12.00" },
            ],
        }],
        "total": "12.13", "warnings": [],
    });
    assert_eq!(got, expected);
}

#[test]
fn part_of_the_period_shows_its_own_amount_and_what_remains_of_the_allowance() {
    let lines = [line("price_cpu", 0, &json!({}))];
    let got = shown(Case {
        formula: Formula::Sum,
        quantities: &[("2026-06-01", "60"), ("2026-06-02", "20")],
        shown: days("2026-06-02", "2026-06-02"),
        in_period: Some(in_period(Some(lines.iter().collect()))),
    });
    let meter = &got["meters"][0];
    let found = ["used", "remaining", "amount"].map(|name| meter[name].clone());
    assert_eq!(json!(found), json!(["20", "20", "0.00"]));
    assert_eq!(meter["days"].as_array().map(Vec::len), Some(1));
}

#[test]
fn amounts_that_do_not_add_up_are_null() {
    let own = |amount| line("price_cpu", amount, &json!({}));
    let item = json!({ "parent": { "subscription_item_details": { "subscription_item": "si_1", "invoice_item": "ii_1", "proration": false } } });
    let whole = days(PERIOD.0, PERIOD.1);
    let part = days("2026-06-02", "2026-06-30");
    // formula, lines, shown → amount of the meter, whether the days have amounts
    let cases = [
        (Formula::Sum, vec![own(1_213)], whole, json!("12.13"), true),
        (Formula::Count, vec![own(1_213)], whole, json!("12.13"), true),
        (Formula::Sum, vec![own(1_214)], whole, json!("12.14"), false),
        (Formula::Sum, vec![], whole, json!("0.00"), false),
        (Formula::Sum, vec![own(1_214)], part, Value::Null, false),
        (Formula::Last, vec![own(1_213)], whole, json!("12.13"), false),
        (Formula::Other, vec![own(1_213)], whole, json!("12.13"), false),
        (
            Formula::Sum,
            vec![line("price_old", 13, &json!({})), own(1_200)],
            whole,
            json!("12.13"),
            false,
        ),
        (Formula::Sum, vec![line("price_cpu", 1_213, &item)], whole, json!("12.13"), false),
    ];
    for (formula, lines, days, amount, has_days) in cases {
        let got = shown(Case {
            formula,
            quantities: USED,
            shown: days,
            in_period: Some(in_period(Some(lines.iter().collect()))),
        });
        let meter = &got["meters"][0];
        let all = meter["days"].as_array().expect("days");
        assert_eq!(meter["amount"], amount, "{lines:?}");
        assert!(all.iter().all(|day| day["amount"].is_null() != has_days), "{lines:?}: {meter}");
        let warnings = if has_days { json!([]) } else { json!(["not_reconciled"]) };
        assert_eq!((&got["total"], &got["warnings"]), (&amount, &warnings), "{lines:?}");
    }
}

#[test]
fn money_is_null_outside_of_the_period_and_without_a_next_invoice() {
    let other = || days("2026-05-30", "2026-06-02");
    for (in_period, shown_days, included) in [
        (None, other(), Value::Null),
        (Some(in_period(None)), days(PERIOD.0, PERIOD.1), json!("100")),
    ] {
        let got =
            shown(Case { formula: Formula::Sum, quantities: USED, shown: shown_days, in_period });
        let meter = &got["meters"][0];
        assert_eq!(meter["included"], included);
        assert_eq!((&meter["amount"], &got["total"]), (&Value::Null, &Value::Null));
        assert_eq!((&meter["days"][0]["amount"], &got["warnings"]), (&Value::Null, &json!([])));
    }
}

#[test]
fn newest_quantity_counts_where_only_the_newest_event_does() {
    let got = shown(Case {
        formula: Formula::Last,
        quantities: &[("2026-06-01", "60"), ("2026-06-02", "20")],
        shown: days(PERIOD.0, PERIOD.1),
        in_period: Some(in_period(None)),
    });
    let found = ["used", "remaining"].map(|name| got["meters"][0][name].clone());
    assert_eq!(json!(found), json!(["20", "80"]));
}

#[test]
fn several_warnings_keep_their_order() {
    let shown = Shown { days: days(PERIOD.0, PERIOD.1), today: day("2026-06-04"), currency: usd() };
    let usage = Usage::of(shown, vec![], false, vec!["tax_location_required"]);
    let body = serde_json::to_value(usage.with_warnings(Some("multiple_subscriptions")));
    let warnings = &body.expect("serializes")["warnings"];
    assert_eq!(warnings, &json!(["multiple_subscriptions", "tax_location_required"]));
}

/// Returns prices of every form, as Stripe sends them.
fn prices() -> impl Strategy<Value = Value> {
    let unit =
        || (0..5_000_u32).prop_map(|thousandths| Decimal::new(thousandths.into(), 3).to_string());
    let flat =
        (unit(), prop::option::of((1..50_u32, any::<bool>()))).prop_map(|(unit, package)| {
            let package = package.map(
                |(size, up)| json!({ "divide_by": size, "round": if up { "up" } else { "down" } }),
            );
            json!({ "unit_amount_decimal": unit, "transform_quantity": package })
        });
    let tiers = prop::collection::btree_set(1..2_000_u32, 0..3);
    let amounts = prop::collection::vec((unit(), prop::option::of(0..500_u32)), 4);
    let tiered = (tiers, amounts, any::<bool>()).prop_map(|(ends, amounts, is_volume)| {
        let ends = ends.into_iter().map(Some).chain([None]);
        let tiers: Vec<Value> = ends
            .zip(amounts)
            .map(|(up_to, (unit, flat))| json!({ "up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": flat.map(|flat| flat.to_string()) }))
            .collect();
        let mode = if is_volume { "volume" } else { "graduated" };
        json!({ "unit_amount_decimal": null, "tiers_mode": mode, "tiers": tiers })
    });
    prop_oneof![flat, tiered]
}

/// Returns what Stripe bills for a quantity: each line rounded half up. It shares no code with the product.
fn billed(price: &Value, quantity: Decimal) -> Vec<i64> {
    let read = |value: &Value| value.as_str().map_or(Decimal::ZERO, decimal);
    let round = |exact: Decimal| {
        let doubled = (exact * Decimal::TWO + Decimal::ONE) / Decimal::TWO;
        i64::try_from(doubled.floor()).expect("in range")
    };
    let Some(tiers) = price["tiers"].as_array() else {
        let unit = read(&price["unit_amount_decimal"]);
        let package = &price["transform_quantity"];
        let Some(size) = package["divide_by"].as_u64() else { return vec![round(unit * quantity)] };
        let packages = quantity / Decimal::from(size);
        let packages = if package["round"] == "up" { packages.ceil() } else { packages.floor() };
        return vec![round(unit * packages)];
    };
    let end = |tier: &Value| tier["up_to"].as_u64().map(Decimal::from);
    let cost = |tier: &Value, part: Decimal| {
        round(read(&tier["unit_amount_decimal"]) * part + read(&tier["flat_amount_decimal"]))
    };
    if price["tiers_mode"] == "volume" {
        let holds = |tier: &&Value| end(tier).is_none_or(|end| quantity <= end);
        return tiers.iter().find(holds).map(|tier| cost(tier, quantity)).into_iter().collect();
    }
    let mut below = Decimal::ZERO;
    let mut lines = Vec::new();
    for (index, tier) in tiers.iter().enumerate() {
        if index == 0 || quantity > below {
            let top = end(tier).map_or(quantity, |end| quantity.min(end));
            lines.push(cost(tier, top - below));
            below = top;
        }
    }
    lines
}

/// An event: seconds after the start of the period, and thousandths of a unit.
type Event = (i64, u32);

/// Returns the response for events at Stripe, which answers the readings, and what the next invoice charges.
fn response_to(
    start: i64,
    today: i64,
    events: &[Event],
    price: &Value,
    swapped_at: Option<i64>,
) -> (Value, i64, Decimal) {
    let time = |seconds| Timestamp::try_from(seconds).expect("in range");
    let quantity = |from: i64, to: i64| -> Decimal {
        let within = events.iter().filter(|(at, _)| (from..to).contains(&(start + at)));
        within.map(|(_, thousandths)| Decimal::new(i64::from(*thousandths), 3)).sum()
    };
    let period = Period { start: time(start), end: time(start + 30 * 86_400) };
    let today = Day::of(time(today));
    let mut summaries = Vec::new();
    for reading in readings(period.start, today.next()) {
        let (from, to) = (reading.times.0.seconds(), reading.times.1.seconds());
        let step = if reading.by_day { 86_400 } else { to - from };
        assert!(from % 60 == 0 && to % 60 == 0 && (!reading.by_day || from % 86_400 == 0));
        for from in (from..to).step_by(usize::try_from(step).expect("positive")) {
            let value = quantity(from, from + step);
            if !value.is_zero() {
                let summary = json!({ "id": "mtrusg_1", "aggregated_value": value.to_string(), "start_time": from, "end_time": from + step });
                summaries.push(view(summary));
            }
        }
    }
    let end = start + 31 * 86_400;
    let mut lines = Vec::new();
    let swap = swapped_at.map_or(start, |at| start + at);
    for (id, from, to) in [("price_old", start, swap), ("price_cpu", swap, end)] {
        if from < to {
            let amounts = billed(price, quantity(from, to));
            lines.extend(amounts.into_iter().map(|amount| line(id, amount, &json!({}))));
        }
    }
    let charged = lines.iter().map(|line| line.amount).sum();
    let metered = Metered {
        listed: Listed { id: "m".to_owned(), meter: "m".to_owned(), name: None, unit: None },
        formula: Formula::Sum,
        quantities: by_day(&summaries),
        in_period: Some(InPeriod {
            period: Days::of(period),
            price: Some(("price_cpu", shape(price))),
            charged: Some(Charged { lines: lines.iter().collect() }),
        }),
    };
    let shown = Shown { days: Days::of(period), today, currency: usd() };
    let body = serde_json::to_value(Usage::of(shown, vec![metered], true, vec![]));
    (body.expect("serializes"), charged, quantity(start, end))
}

fn minor(amount: &Value) -> i64 {
    let text = amount.as_str().expect("an amount").replace('.', "");
    text.parse().expect("minor units")
}

proptest! {
    #[test]
    fn days_add_up_to_the_next_invoice_or_have_no_amounts(
        price in prices(),
        // Any second of a day, so a UTC day begins at any second of the period.
        start in 1_780_272_000..1_780_358_400_i64,
        events in prop::collection::vec((0..29 * 86_400_i64, 1..400_000_u32), 0..20),
        swapped_at in prop::option::weighted(0.2, 0..29 * 86_400_i64),
    ) {
        let today = start + 29 * 86_400;
        let (body, charged, used) = response_to(start, today, &events, &price, swapped_at);
        let meter = &body["meters"][0];
        prop_assert_eq!(minor(&meter["amount"]), charged);
        prop_assert_eq!(minor(&body["total"]), charged);
        let days = meter["days"].as_array().expect("days");
        let first_minute = (start + 59) / 60 * 60 - start;
        let is_cut = events.iter().any(|(at, _)| *at < first_minute);
        if !is_cut {
            prop_assert_eq!(decimal(meter["used"].as_str().expect("a quantity")), used);
        }
        let is_known = days.iter().all(|day| !day["amount"].is_null());
        if is_known {
            prop_assert_eq!(days.iter().map(|day| minor(&day["amount"])).sum::<i64>(), charged);
            prop_assert_eq!(&body["warnings"], &json!([]));
        } else {
            prop_assert!(days.iter().all(|day| day["amount"].is_null()));
            prop_assert_eq!(&body["warnings"], &json!(["not_reconciled"]));
        }
        // Nothing but a swapped price and the seconds before the first minute hides the amounts.
        prop_assert!(is_known || is_cut || swapped_at.is_some());
    }
}
