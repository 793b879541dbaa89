//! Prices of quantities: tiers, packages, fractions of a cent, and amounts above the maximum.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, START};
use crate::support::{Api, Form, amounts, id, stamp};

const NOW: (&str, &str) = ("proration_behavior", "always_invoice");
const TIERED: [(&str, &str); 3] =
    [("currency", "usd"), ("recurring[interval]", "month"), ("billing_scheme", "tiered")];

/// 5 seats for 10 dollars together, then 3 dollars each, from 21 on 2.505.
const TIERS: [(&str, &str); 6] = [
    ("tiers[0][up_to]", "5"),
    ("tiers[0][flat_amount]", "1000"),
    ("tiers[1][up_to]", "20"),
    ("tiers[1][unit_amount]", "300"),
    ("tiers[2][up_to]", "inf"),
    ("tiers[2][unit_amount_decimal]", "250.5"),
];

fn tiered(api: &Api, mode: &str) -> String {
    api.price("Seats", &[&TIERED[..], &[("tiers_mode", mode)], &TIERS].concat())
}

fn first(api: &Api, price: &str, quantity: &str) -> Value {
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, price, &[("items[0][quantity]", quantity)]);
    api.invoice(sub["latest_invoice"].as_str().unwrap())
}

#[test]
fn seat_changes_use_graduated_or_volume_tiers() {
    let api = Api::new();
    let (graduated, volume) = (tiered(&api, "graduated"), tiered(&api, "volume"));
    let rows: [(&str, &[i64], i64); 5] = [
        ("1", &[1000], 1000),
        ("5", &[1000], 1000),
        ("6", &[1000, 300], 1800),
        ("20", &[1000, 4500], 6000),
        // 250.5 is rounded up; 21 times 250.5 is 5260.5.
        ("21", &[1000, 4500, 251], 5261),
    ];
    for (quantity, lines, volume_total) in rows {
        assert_eq!(amounts(&first(&api, &graduated, quantity)), lines, "{quantity}");
        assert_eq!(amounts(&first(&api, &volume, quantity)), [volume_total], "{quantity}");
    }
}

/// Returns a subscription with six seats of a tiered price, half a month later.
fn six_seats(mode: &str) -> Case {
    let api = Api::new();
    let clock = api.clock_at(START);
    let price = tiered(&api, mode);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &price, &[("items[0][quantity]", "6")]);
    api.advance(&clock, MIDDLE);
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    Case { api, clock, customer, sub: id(&sub), item }
}

#[test]
fn seat_change_is_prorated_over_all_tiers() {
    // Half of the old amount is credited, half of the new quantity is charged.
    for (mode, expected) in [("graduated", vec![-650, 2875]), ("volume", vec![-900, 2630])] {
        let case = six_seats(mode);
        let form = [
            ("items[0][id]", case.item.as_str()),
            ("items[0][quantity]", "21"),
            NOW,
            ("expand[]", "latest_invoice"),
        ];
        let changed = case.api.post(&format!("/v1/subscriptions/{}", case.sub), &form);
        assert_eq!(amounts(&changed["latest_invoice"]), expected, "{mode}");
    }
}

#[test]
fn packages_are_rounded_as_configured() {
    let api = Api::new();
    let price = |round: &str, amount: Form<'_>| {
        let form = [
            &[
                ("currency", "usd"),
                ("recurring[interval]", "month"),
                ("transform_quantity[divide_by]", "100"),
                ("transform_quantity[round]", round),
            ],
            amount,
        ];
        api.price("Builds", &form.concat())
    };
    let (up, down) =
        (price("up", &[("unit_amount", "250")]), price("down", &[("unit_amount", "250")]));
    for (quantity, rounded_up, rounded_down) in [
        ("0", 0, 0),
        ("1", 250, 0),
        ("99", 250, 0),
        ("100", 250, 250),
        ("101", 500, 250),
        ("999999", 2_500_000, 2_499_750),
    ] {
        assert_eq!(amounts(&first(&api, &up, quantity)), [rounded_up], "{quantity}");
        assert_eq!(amounts(&first(&api, &down, quantity)), [rounded_down], "{quantity}");
    }
    let sub_cent = price("up", &[("unit_amount_decimal", "0.4")]);
    assert_eq!(amounts(&first(&api, &sub_cent, "300")), [1], "three times 0.4");
    let product = api.product("Both");
    let both = [
        &TIERED[..],
        &TIERS,
        &[
            ("tiers_mode", "volume"),
            ("product", &product),
            ("transform_quantity[divide_by]", "10"),
            ("transform_quantity[round]", "up"),
        ],
    ];
    api.refused(400, "POST", "/v1/prices", &both.concat());
}

#[test]
fn twelve_decimal_prices_are_multiplied_exactly_and_rounded_once() {
    let api = Api::new();
    let price = |unit: &str| {
        let form =
            [("currency", "usd"), ("unit_amount_decimal", unit), ("recurring[interval]", "month")];
        api.price("Requests", &form)
    };
    for (unit, quantity, expected) in [
        ("0.05", "9", 0),
        ("0.05", "10", 1),
        ("0.333333333333", "3", 1),
        ("0.000000500001", "999999", 1),
        ("0.000000499999", "999999", 0),
        ("33.333333333333", "999999", 33_333_300),
        ("0.1", "5", 1),
        ("0.3", "5", 2),
    ] {
        assert_eq!(
            amounts(&first(&api, &price(unit), quantity)),
            [expected],
            "{unit} × {quantity}"
        );
    }
    let form = [("currency", "usd"), ("unit_amount_decimal", "0.1234567890123"), ("product", "p")];
    api.refused(400, "POST", "/v1/prices", &form);
}

#[test]
fn amount_above_the_maximum_is_refused_without_overflow() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let huge = api.monthly("Huge", "usd", "999999999999");
    assert_eq!(first(&api, &huge, "1")["amount_paid"], 999_999_999_999_i64);
    let form = [
        ("customer", customer.as_str()),
        ("items[0][price]", &huge),
        ("items[0][quantity]", "999999"),
    ];
    let refusal = api.refused(400, "POST", "/v1/subscriptions", &form);
    assert_eq!(refusal.code(), "amount_too_large");
    assert_eq!(refusal.message(), "Amount must be no more than $9999999999.99");
    assert_eq!(api.get("/v1/subscriptions", &[("customer", &customer)])["data"], json!([]));

    let small = api.monthly("Small", "usd", "100");
    let sub = api.subscribe(&customer, &small, &[]);
    let item = sub["items"]["data"][0]["id"].as_str().unwrap();
    let change = [
        ("items[0][id]", item),
        ("items[0][price]", huge.as_str()),
        ("items[0][quantity]", "999999"),
        NOW,
    ];
    let path = format!("/v1/subscriptions/{}", id(&sub));
    assert_eq!(api.refused(400, "POST", &path, &change).code(), "amount_too_large");
    assert_eq!(api.subscription(&id(&sub))["items"]["data"][0]["price"]["id"], small);
    let too_many = [("items[0][id]", item), ("items[0][quantity]", "1000000")];
    api.refused(400, "POST", &path, &too_many);
}

#[test]
fn extreme_usage_does_not_overflow_or_stop_the_clock() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&api.post("/v1/billing/meters", &form));
    let price = api.price(
        "CPU",
        &[
            ("currency", "usd"),
            ("unit_amount_decimal", "999999999998.999999999999"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ],
    );
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &price, &[]));
    for _ in 0..3 {
        let event = [
            ("event_name", "cpu"),
            ("payload[stripe_customer_id]", customer.as_str()),
            ("payload[value]", "999999999999999"),
        ];
        api.post("/v1/billing/meter_events", &event);
    }
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    assert!(api.invoices(&sub)[0]["total"].as_i64().unwrap() > 999_999_999_999);
}

#[test]
fn items_with_mixed_intervals_are_prorated_in_their_own_periods() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let interval = |name: &str, amount: &str, every: &str| {
        let form = [("currency", "usd"), ("unit_amount", amount), ("recurring[interval]", every)];
        api.price(name, &form)
    };
    let (year, month) = (interval("Base", "36600", "year"), api.monthly("Seats", "usd", "3000"));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &year, &[("items[1][price]", &month)]);
    let items = &sub["items"]["data"];
    assert_eq!(items[0]["current_period_end"], stamp(datetime!(2028-04-01 00:00 UTC)));
    assert_eq!(items[1]["current_period_end"], stamp(datetime!(2027-05-01 00:00 UTC)));
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(amounts(&api.invoices(&id(&sub))[0]), [3000], "the year is not over");
    // On 13 May 324 of the 366 days remain, and 19 of the 31 of the month.
    api.advance(&clock, datetime!(2027-05-13 00:00 UTC));
    let (dear_year, dear_month) =
        (interval("Base", "73200", "year"), api.monthly("Seats", "usd", "6200"));
    let form = [
        ("items[0][id]", items[0]["id"].as_str().unwrap()),
        ("items[0][price]", &dear_year),
        ("items[1][id]", items[1]["id"].as_str().unwrap()),
        ("items[1][price]", &dear_month),
        NOW,
        ("expand[]", "latest_invoice"),
    ];
    let changed = api.post(&format!("/v1/subscriptions/{}", id(&sub)), &form);
    let lines = amounts(&changed["latest_invoice"]);
    assert_eq!(lines, [-32400, -1839, 64800, 3800]);
    assert_eq!(changed["items"]["data"][0]["current_period_end"], items[0]["current_period_end"]);
    // Classic billing has one interval for all items.
    let form = [
        ("customer", customer.as_str()),
        ("items[0][price]", &year),
        ("items[1][price]", &month),
        ("billing_mode[type]", "classic"),
    ];
    api.refused(400, "POST", "/v1/subscriptions", &form);
    let two_months = [("items[1][price]", dear_month.as_str()), ("billing_mode[type]", "classic")];
    let classic = api.subscribe(&customer, &month, &two_months);
    let form = [
        ("items[0][id]", classic["items"]["data"][0]["id"].as_str().unwrap()),
        ("items[0][price]", &year),
    ];
    api.refused(400, "POST", &format!("/v1/subscriptions/{}", id(&classic)), &form);
}
