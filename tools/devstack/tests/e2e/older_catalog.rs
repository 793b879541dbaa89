//! Catalogues of older versions have metered prices on their plan's product. `catalog apply` gives each meter a product,
//! and subscriptions to the older prices keep working.

use std::path::Path;

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::month_after;
use crate::expected_bodies::{FREE, METERS, estimate, line, subscribed};
use crate::harness::Harness;
use crate::payer::{Payer, Start, change_as_previewed};
use crate::stripe::text;

cases![
    subscription_to_older_prices_keeps_its_plan_and_changes_meter_by_meter,
    usage_at_a_replaced_price_has_the_plan_and_meter_of_that_price,
];

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog.toml");

/// Applies a catalogue and returns the number of changes.
#[track_caller]
fn apply(harness: &Harness, file: &str) -> usize {
    let mut command = harness.billingctl_command(&["catalog", "apply", "--yes", "--file", file]);
    let output = command
        .env("STRIPE_SECRET_KEY", &harness.about().stripe_key)
        .output()
        .expect("`cargo build --workspace` builds billingctl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let changes = report["changes"].as_array().expect("an array").iter();
    changes.filter(|change| change["action"] != "keep").count()
}

fn report_cpu(harness: &Harness, payer: &Payer, quantity: &str) {
    let event = [
        ("event_name", "cantila_cpu"),
        ("payload[stripe_customer_id]", &*payer.customer.id),
        ("payload[value]", quantity),
    ];
    harness.stripe_post("/billing/meter_events", &event);
}

/// Returns ID, price and product of each item of the subscription.
fn items(harness: &Harness, payer: &Payer) -> Vec<[String; 3]> {
    let items = payer.at_stripe(harness)["items"]["data"].take();
    let item = |item: &Value| {
        [text(item, "id"), text(&item["price"], "id"), text(&item["price"], "product")]
    };
    items.as_array().expect("a list").iter().map(item).collect()
}

fn summary(harness: &Harness, payer: &Payer) -> devstack::http::Response {
    harness.get("/v1/billing/summary", &payer.account.key, &[])
}

fn subscription_to_older_prices_keeps_its_plan_and_changes_meter_by_meter(harness: &Harness) {
    let shipped = std::fs::read_to_string(SHIPPED).expect("the catalogue");
    let older = shipped.replacen("\ncurrency = ", "\nmeter_products = false\ncurrency = ", 1);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("older-catalog.toml");
    std::fs::write(&file, older).expect("writable");
    let file = file.to_str().expect("UTF-8");
    assert!(apply(harness, file) > 0);
    assert_eq!(apply(harness, file), 0);

    let payer = harness.payer("on-older-prices", Start::on("pro"));
    report_cpu(harness, &payer, "2000");
    let before = items(harness, &payer);
    assert!(before.len() == 6 && before.iter().all(|item| item[2] == before[0][2]), "{before:?}");
    let usage = |meter: &str, quantity, amount: &str, rate: &str| {
        line("pro", quantity, Some(meter), amount, &format!("Pro ({rate} / month)"))
    };
    let mut lines = vec![line("pro", 1, None, "35.00", "Pro (at $35.00 / month)")];
    lines.extend(METERS[1..].iter().rev().map(|(meter, ..)| usage(meter, 0, "0.00", FREE)));
    lines.push(usage("cpu", 1_500, "0.00", FREE));
    lines.push(usage("cpu", 500, "6.00", "Tier 2 at $0.012"));
    let period = [payer.start, month_after(payer.start)];
    let expected = subscribed("pro", "active", period, &estimate("USD", "41.00", "0.00", &lines));
    expect(&summary(harness, &payer), 200, &expected);

    assert!(apply(harness, SHIPPED) > 0);
    assert_eq!(apply(harness, SHIPPED), 0);
    assert_eq!(items(harness, &payer), before, "subscriptions stay on the older prices");
    expect(&summary(harness, &payer), 200, &expected);

    let (preview, _) = change_as_previewed(harness, &payer, ["agency", "month"], &[]);
    assert_eq!(preview["nextInvoice"]["amount"], "105.00", "{preview:#}");

    let after = items(harness, &payer);
    let ids = |items: &[[String; 3]]| items.iter().map(|item| item[0].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before), "each item changes its price in place");
    let (mut prices, mut agency): (Vec<_>, _) =
        (after.iter().map(|item| item[1].clone()).collect(), harness.prices("agency", "month"));
    prices.sort();
    agency.sort();
    assert_eq!(prices, agency);
    // The usage so far waits for the next invoice, at the older price of pro.
    let summary = summary(harness, &payer).json();
    assert_eq!(
        (&summary["plan"], &summary["estimate"]["amount"]),
        (&json!("agency"), &json!("105.00"))
    );
    let shown = summary["estimate"]["lines"].as_array().expect("a list").iter();
    let shown: Vec<_> = shown
        .filter(|line| line["meter"] == "cpu" && line["plan"] == "pro")
        .map(|line| json!([line["description"], line["amount"]]))
        .collect();
    let expected: Vec<_> =
        lines[5..].iter().map(|line| json!([line["description"], line["amount"]])).collect();
    assert_eq!(shown, expected, "{summary:#}");
}

/// An operator gives a subscription another price of a meter. Stripe bills the usage so far at the old price, with the
/// next invoice.
fn usage_at_a_replaced_price_has_the_plan_and_meter_of_that_price(harness: &Harness) {
    let payer = harness.payer("on-a-special-price", Start::on("pro"));
    report_cpu(harness, &payer, "2000");
    let price = |tier: &str| {
        let path = format!("/prices?active=true&lookup_keys[0]=cantila_{tier}_month_cpu");
        text(&harness.stripe(&path)["data"][0], "id")
    };
    let (old, new) = (price("pro"), price("agency"));
    let all = items(harness, &payer);
    let item = all.iter().find(|item| item[1] == old).expect("an item of the meter");
    let form = [
        ("items[0][id]", &*item[0]),
        ("items[0][price]", &new),
        ("proration_behavior", "create_prorations"),
    ];
    harness.stripe_post(&format!("/subscriptions/{}", payer.subscription), &form);
    let body = summary(harness, &payer).json();
    assert_eq!(body["plan"], "pro");
    let lines = body["estimate"]["lines"].as_array().expect("a list").iter();
    let lines: Vec<_> = lines
        .filter(|line| line["meter"] == "cpu")
        .map(|line| json!([line["plan"], line["metered"], line["quantity"], line["amount"]]))
        .collect();
    let expected = [
        json!(["pro", true, "1500", "0.00"]),
        json!(["pro", true, "500", "6.00"]),
        json!(["agency", true, "0", "0.00"]),
    ];
    assert_eq!(lines, expected, "{body:#}");
}
