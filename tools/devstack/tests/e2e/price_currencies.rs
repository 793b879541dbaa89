//! A plan that is one Stripe price in two currencies.

use serde_json::json;

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, month_after, now};
use crate::expected_bodies::{allowance, capabilities, estimate, line, subscribed, test_card};
use crate::harness::Harness;
use crate::stripe::text;

cases![plan_in_two_currencies_is_shown_in_the_subscribers_own];

fn plan_in_two_currencies_is_shown_in_the_subscribers_own(harness: &Harness) {
    let prices = prices(harness);
    let start = now() - DAY;
    let customer = harness.customer_at(start);
    harness.card(&customer, "pm_card_visa");
    let form = [
        ("customer", &*customer.id),
        ("currency", "eur"),
        ("items[0][price]", &*prices[0]),
        ("items[1][price]", &*prices[1]),
    ];
    harness.stripe_post("/subscriptions", &form);
    let used = [
        ("event_name", "berlin"),
        ("payload[stripe_customer_id]", &customer.id),
        ("payload[value]", "350"),
    ];
    harness.stripe_post("/billing/meter_events", &used);
    harness.advance(&customer, now());
    let account = harness.account_of("berlin", Some(&customer.id));
    let lines = [
        line("berlin", 1, None, "45.00", "Berlin (at €45.00 / month)"),
        line("berlin", 100, Some("requests"), "0.00", "Berlin (Tier 1 at €0.00 / month)"),
        line("berlin", 250, Some("requests"), "2.75", "Berlin (Tier 2 at €0.011 / month)"),
    ];
    let next = estimate("EUR", "47.75", "0.00", &lines);
    let summary = subscribed("berlin", "active", [start, month_after(start)], &next);
    expect(&harness.get("/v1/billing/summary", &account.key, &[]), 200, &summary);

    let plan = |currency: &str, amount: &str, unit: &str, current: bool| {
        json!({
            "plan": "berlin", "name": "Berlin", "description": null, "interval": "month",
            "every": { "count": 1, "unit": "month" }, "currency": currency, "amount": amount,
            "yourAmount": null, "yourEvery": null, "current": current,
            "metered": [allowance("requests", None, "100", unit)],
        })
    };
    let info = json!({
        "provider": "stripe", "mode": "test", "publishableKey": "pk_test_sandbox", "currency": "EUR",
        "account": {
            "id": account.id, "handle": account.handle,
            "hasCustomer": true, "hasSubscription": true, "hasPaymentMethod": true, "paymentMethod": test_card("4242"),
        },
        "capabilities": capabilities([false; 4]), "plans": [plan("EUR", "45.00", "0.011", true)],
    });
    expect(&harness.get("/v1/billing/info", &account.key, &[]), 200, &info);

    // Other accounts see the plan in dollars until it is archived.
    let info = || {
        let body = harness.get("/v1/billing/info", &harness.account("free").keys.read, &[]).json();
        let plans = body["plans"].as_array().expect("a list").clone();
        plans.into_iter().find(|plan| plan["plan"] == "berlin")
    };
    assert_eq!(info(), Some(plan("USD", "50.00", "0.012", false)));
    for price in prices {
        harness.stripe_post(&format!("/prices/{price}"), &[("active", "false")]);
    }
    assert_eq!(info(), None);
    // The subscriber keeps the archived plan.
    expect(&harness.get("/v1/billing/summary", &account.key, &[]), 200, &summary);
}

/// Creates the base price and the metered price, both in dollars and euros.
fn prices(harness: &Harness) -> [String; 2] {
    let product = harness.product_of_plan("Berlin", "berlin");
    let meter = [
        ("display_name", "Requests"),
        ("event_name", "berlin"),
        ("default_aggregation[formula]", "sum"),
    ];
    let meter = text(&harness.stripe_post("/billing/meters", &meter), "id");
    let common = [("product", &*product), ("currency", "usd"), ("recurring[interval]", "month")];
    let base = [
        ("unit_amount", "5000"),
        ("currency_options[eur][unit_amount]", "4500"),
        ("lookup_key", "cantila_berlin_month"),
    ];
    let metered = [
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", &meter),
        ("metadata[cantila_meter]", "requests"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "100"),
        ("tiers[0][unit_amount_decimal]", "0"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "1.2"),
        ("currency_options[eur][tiers][0][up_to]", "100"),
        ("currency_options[eur][tiers][0][unit_amount_decimal]", "0"),
        ("currency_options[eur][tiers][1][up_to]", "inf"),
        ("currency_options[eur][tiers][1][unit_amount_decimal]", "1.1"),
    ];
    [&base[..], &metered].map(|form| {
        let form = [&common[..], form].concat();
        text(&harness.stripe_post("/prices", &form), "id")
    })
}
