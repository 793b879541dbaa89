//! Prices with an interval count, quantities, tiers, flat fees and packages.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, HOUR};
use crate::expected_bodies::plans;
use crate::harness::Harness;
use crate::payer::{Payer, Start};
use crate::stripe::text;
use crate::usage::{reconciles, report, usage_and_estimate};

cases![
    plan_may_be_billed_every_three_months,
    seats_count_in_what_the_account_pays_and_in_direction,
    tiered_base_price_is_priced_as_stripe_bills_it,
    packages_of_seats_are_priced_as_stripe_bills_them,
    archived_price_counts_with_its_tiers_in_the_subscriptions_currency,
    metered_prices_of_every_shape_are_shown,
];

/// Parameters of a request to Stripe.
type Form<'a> = &'a [(&'a str, &'a str)];

/// Up to two seats at 40.00 each; from the third on 20.00 each, and a flat fee of 5.00.
const SEATS: Form<'static> = &[
    ("billing_scheme", "tiered"),
    ("tiers[0][up_to]", "2"),
    ("tiers[0][unit_amount]", "4000"),
    ("tiers[1][up_to]", "inf"),
    ("tiers[1][unit_amount]", "2000"),
    ("tiers[1][flat_amount]", "500"),
];

/// A plan of the case's own. Its prices leave the catalog when it is dropped.
struct OwnPlan<'a> {
    harness: &'a Harness,
    product: String,
    prices: Vec<String>,
}

impl<'a> OwnPlan<'a> {
    fn new(harness: &'a Harness, tier: &str) -> Self {
        let product = harness.product_of_plan("Plan", tier);
        Self { harness, product, prices: Vec::new() }
    }

    /// Creates a monthly price in USD and returns its ID. `form` replaces these fields.
    fn price(&mut self, form: Form) -> String {
        let common =
            [("product", &*self.product), ("currency", "usd"), ("recurring[interval]", "month")];
        let common = common.into_iter().filter(|(name, _)| form.iter().all(|(own, _)| own != name));
        let form: Vec<_> = common.chain(form.iter().copied()).collect();
        let price = text(&self.harness.stripe_post("/prices", &form), "id");
        self.prices.push(price.clone());
        price
    }

    /// Creates a metered price with a meter of this name.
    fn metered(&mut self, meter: &str, form: Form) {
        let fields = [
            ("display_name", meter),
            ("event_name", &*format!("shapes_{meter}")),
            ("default_aggregation[formula]", "sum"),
        ];
        let id = text(&self.harness.stripe_post("/billing/meters", &fields), "id");
        let usage = [
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &*id),
            ("metadata[cantila_meter]", meter),
        ];
        self.price(&[&usage, form].concat());
    }
}

impl Drop for OwnPlan<'_> {
    fn drop(&mut self) {
        // A panic while a case panics would abort the test.
        if !std::thread::panicking() {
            for price in &self.prices {
                archive(self.harness, price);
            }
        }
    }
}

fn archive(harness: &Harness, price: &str) {
    harness.stripe_post(&format!("/prices/{price}"), &[("active", "false")]);
}

/// Returns the plans that the account sees.
fn listed(harness: &Harness, key: &str) -> Vec<Value> {
    let response = harness.get("/v1/billing/info", key, &[]);
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()["plans"].as_array().expect("a list").clone()
}

fn entry(plans: &[Value], tier: &str) -> Value {
    plans.iter().find(|plan| plan["plan"] == tier).cloned().unwrap_or(Value::Null)
}

/// Returns the entry that is marked as current, with what the account pays.
fn current(harness: &Harness, payer: &Payer) -> [Value; 5] {
    let plans = listed(harness, &payer.account.key);
    let current: Vec<_> = plans.iter().filter(|plan| plan["current"] == true).collect();
    assert_eq!(current.len(), 1, "{plans:?}");
    ["plan", "amount", "every", "yourAmount", "yourEvery"].map(|field| current[0][field].clone())
}

/// Returns the amount of Stripe's preview of the next invoice.
fn estimate(harness: &Harness, payer: &Payer) -> Value {
    harness.get("/v1/billing/summary", &payer.account.key, &[]).json()["estimate"]["amount"].take()
}

fn direction(harness: &Harness, payer: &Payer, plan: &str) -> Value {
    payer.preview(harness, &json!({ "plan": plan, "interval": "month" }))["direction"].take()
}

/// Creates an account with a subscription to this base price at this quantity.
fn seated(harness: &Harness, handle: &str, price: &str, quantity: &str) -> Payer {
    let more = [("items[0][quantity]", quantity)];
    harness.payer_of(handle, &[price.to_owned()], Start { more: &more, ..Start::on("") })
}

fn plan_may_be_billed_every_three_months(harness: &Harness) {
    let mut plan = OwnPlan::new(harness, "quarterly");
    let price = plan.price(&[
        ("unit_amount", "9000"),
        ("recurring[interval_count]", "3"),
        ("lookup_key", "cantila_quarterly_month"),
    ]);
    let pro = harness.payer("pro-to-quarterly", Start::on("pro"));
    let quarter = json!({ "count": 3, "unit": "month" });
    let expected = json!({
        "plan": "quarterly", "name": "Plan", "description": null, "interval": "month",
        "every": quarter, "currency": "USD", "amount": "90.00", "yourAmount": null,
        "yourEvery": null, "metered": [], "current": false,
    });
    let seen = listed(harness, &pro.account.key);
    assert_eq!(entry(&seen, "quarterly"), expected);
    // 30.00 a month.
    let order: Vec<_> = seen.iter().filter_map(|plan| plan["plan"].as_str()).collect();
    let expected =
        ["hobby", "hobby", "starter", "starter", "quarterly", "pro", "pro", "agency", "agency"];
    assert_eq!(order, expected);
    assert_eq!(direction(harness, &pro, "quarterly"), "downgrade");
    let payer = seated(harness, "quarterly", &price, "1");
    assert_eq!(
        current(harness, &payer),
        [json!("quarterly"), json!("90.00"), quarter.clone(), Value::Null, Value::Null]
    );
    assert_eq!(direction(harness, &payer, "pro"), "upgrade");

    // The account keeps its price when the plan is sold by the month.
    plan.price(&[
        ("unit_amount", "3600"),
        ("lookup_key", "cantila_quarterly_month"),
        ("transfer_lookup_key", "true"),
    ]);
    let month = json!({ "count": 1, "unit": "month" });
    assert_eq!(
        current(harness, &payer),
        [json!("quarterly"), json!("36.00"), month, json!("90.00"), quarter]
    );
    assert_eq!(direction(harness, &payer, "quarterly"), "upgrade");
}

fn seats_count_in_what_the_account_pays_and_in_direction(harness: &Harness) {
    let prices = harness.prices("pro", "month");
    let more = [("items[0][quantity]", "3")];
    let payer = harness.payer_of("three-seats", &prices, Start { more: &more, ..Start::on("pro") });
    let month = json!({ "count": 1, "unit": "month" });
    assert_eq!(
        current(harness, &payer),
        [json!("pro"), json!("35.00"), month, json!("105.00"), Value::Null]
    );
    assert_eq!(estimate(harness, &payer), "105.00");
    assert_eq!(direction(harness, &payer, "agency"), "upgrade");
    assert_eq!(direction(harness, &payer, "starter"), "downgrade");
    // An account without other prices sees them as the catalog lists them.
    let one = harness.payer("one-seat", Start::on("pro"));
    let info = harness.get("/v1/billing/info", &one.account.key, &[]);
    let mut expected = info.json();
    expected["plans"] = plans("pro");
    expect(&info, 200, &expected);
}

fn tiered_base_price_is_priced_as_stripe_bills_it(harness: &Harness) {
    let mut plan = OwnPlan::new(harness, "seats");
    let month = json!({ "count": 1, "unit": "month" });
    for mode in ["graduated", "volume"] {
        let price = plan.price(
            &[
                SEATS,
                &[
                    ("tiers_mode", mode),
                    ("lookup_key", "cantila_seats_month"),
                    ("transfer_lookup_key", "true"),
                ],
            ]
            .concat(),
        );
        // Quantity, what it costs, and the direction to pro at 35.00 a seat.
        let cases = match mode {
            "graduated" => [
                ("1", "40.00", "downgrade"),
                ("3", "105.00", "lateral"),
                ("4", "125.00", "upgrade"),
            ],
            _ => [
                ("1", "40.00", "downgrade"),
                ("2", "80.00", "downgrade"),
                ("3", "65.00", "upgrade"),
            ],
        };
        for (quantity, amount, to_pro) in cases {
            let payer = seated(harness, &format!("{mode}-{quantity}"), &price, quantity);
            let pays = if quantity == "1" { Value::Null } else { json!(amount) };
            assert_eq!(
                current(harness, &payer),
                [json!("seats"), json!("40.00"), month.clone(), pays, Value::Null]
            );
            assert_eq!(estimate(harness, &payer), amount, "{mode} {quantity}");
            assert_eq!(direction(harness, &payer, "pro"), to_pro, "{mode} {quantity}");
        }
    }
}

fn packages_of_seats_are_priced_as_stripe_bills_them(harness: &Harness) {
    let mut plan = OwnPlan::new(harness, "packs");
    let price = plan.price(&[
        ("unit_amount_decimal", "10000.5"),
        ("transform_quantity[divide_by]", "5"),
        ("transform_quantity[round]", "up"),
        ("lookup_key", "cantila_packs_month"),
    ]);
    let month = json!({ "count": 1, "unit": "month" });
    for (quantity, amount, to_pro) in [("2", "100.01", "downgrade"), ("6", "200.01", "upgrade")] {
        let payer = seated(harness, &format!("packs-{quantity}"), &price, quantity);
        let pays = if quantity == "2" { Value::Null } else { json!(amount) };
        assert_eq!(
            current(harness, &payer),
            [json!("packs"), json!("100.01"), month.clone(), pays, Value::Null]
        );
        assert_eq!(estimate(harness, &payer), amount);
        assert_eq!(direction(harness, &payer, "pro"), to_pro, "{quantity}");
    }
}

fn archived_price_counts_with_its_tiers_in_the_subscriptions_currency(harness: &Harness) {
    let mut plan = OwnPlan::new(harness, "lyon");
    let old = [
        ("tiers_mode", "volume"),
        ("currency_options[eur][tiers][0][up_to]", "2"),
        ("currency_options[eur][tiers][0][unit_amount]", "3000"),
        ("currency_options[eur][tiers][1][up_to]", "inf"),
        ("currency_options[eur][tiers][1][unit_amount]", "1500"),
        ("currency_options[eur][tiers][1][flat_amount]", "250"),
    ];
    let old = plan.price(&[SEATS, &old].concat());
    plan.price(&[
        ("unit_amount", "2500"),
        ("currency_options[eur][unit_amount]", "2000"),
        ("lookup_key", "cantila_lyon_month"),
    ]);
    let month = json!({ "count": 1, "unit": "month" });
    // In euros 3 x 15.00 and 2.50, in dollars 3 x 20.00 and 5.00. The new price is 20.00 and 25.00 a seat.
    for (currency, quantity, listed, pays, to_new) in [
        ("eur", "3", "20.00", "47.50", "upgrade"),
        ("eur", "2", "20.00", "60.00", "downgrade"),
        ("usd", "3", "25.00", "65.00", "upgrade"),
    ] {
        let more = [("items[0][quantity]", quantity), ("currency", currency)];
        let handle = format!("lyon-{currency}-{quantity}");
        let payer = harness.payer_of(
            &handle,
            std::slice::from_ref(&old),
            Start { more: &more, ..Start::on("") },
        );
        let seen = [json!("lyon"), json!(listed), month.clone(), json!(pays), Value::Null];
        assert_eq!(current(harness, &payer), seen, "{handle}");
        archive(harness, &old);
        assert_eq!(current(harness, &payer), seen, "{handle}, archived");
        assert_eq!(estimate(harness, &payer), pays);
        assert_eq!(direction(harness, &payer, "lyon"), to_new, "{handle}");
        harness.stripe_post(&format!("/prices/{old}"), &[("active", "true")]);
    }
}

fn metered_prices_of_every_shape_are_shown(harness: &Harness) {
    let mut plan = OwnPlan::new(harness, "shapes");
    plan.price(&[("unit_amount", "2200"), ("lookup_key", "cantila_shapes_month")]);
    let package = [
        ("unit_amount", "200"),
        ("transform_quantity[divide_by]", "1000"),
        ("transform_quantity[round]", "up"),
    ];
    plan.metered("a_package", &package);
    let graduated = [
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "100"),
        ("tiers[0][flat_amount]", "500"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "1.25"),
    ];
    plan.metered("b_graduated", &graduated);
    let volume = [
        ("billing_scheme", "tiered"),
        ("tiers_mode", "volume"),
        ("tiers[0][up_to]", "1000"),
        ("tiers[0][unit_amount]", "0"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount]", "3"),
    ];
    plan.metered("c_volume", &volume);
    plan.metered(
        "d_allowance",
        &[&volume[..1], &[("tiers_mode", "graduated")], &volume[2..]].concat(),
    );
    plan.metered("e_unit", &[("unit_amount_decimal", "0.005")]);
    let tier = |up_to: Option<&str>, unit: Option<&str>, flat: Option<&str>| json!({ "upTo": up_to, "unitAmount": unit, "flatAmount": flat });
    let thousand = [tier(Some("1000"), Some("0"), None), tier(None, Some("0.03"), None)];
    let flat = [tier(Some("100"), None, Some("5")), tier(None, Some("0.0125"), None)];
    let usage = |meter: &str,
                 included: Option<&str>,
                 unit: Option<&str>,
                 per: u32,
                 mode: Option<&str>,
                 tiers: &[Value]| {
        json!({
            "meter": meter, "unit": null, "included": included, "unitAmount": unit, "per": per,
            "tiersMode": mode, "tiers": tiers,
        })
    };
    let expected = [
        usage("a_package", Some("0"), Some("0.002"), 1000, None, &[]),
        usage("b_graduated", None, None, 1, Some("graduated"), &flat),
        usage("c_volume", None, None, 1, Some("volume"), &thousand),
        usage("d_allowance", Some("1000"), Some("0.03"), 1, Some("graduated"), &thousand),
        usage("e_unit", Some("0"), Some("0.00005"), 1, None, &[]),
    ];
    let plans = listed(harness, &harness.account("free").keys.read);
    assert_eq!(entry(&plans, "shapes")["metered"], json!(expected));
    let payer = harness.payer_of("shapes-used", &plan.prices, Start::on(""));
    let meters = ["a_package", "b_graduated", "c_volume", "d_allowance", "e_unit"];
    for (number, meter) in (1..).zip(meters) {
        for on in 1..9 {
            let value = format!("{}.{on}", number * 37 * on);
            let at = payer.start + on * DAY + number * HOUR;
            report(harness, &payer, &format!("shapes_{meter}"), &value, at);
        }
        let (usage, estimate) = usage_and_estimate(harness, &payer);
        reconciles(&usage, &estimate);
        assert_eq!(usage["warnings"], json!([]), "{usage}");
    }
}
