//! A plan change keeps discounts and tax rates of single subscription items.

use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::payer::{Payer, Start, change_as_previewed};
use crate::stripe::text;

cases![item_discounts_and_tax_rates_are_kept_and_charged_as_previewed];

/// Returns ID, discounts and tax rates of every item, by its meter (the base item has none).
fn items(harness: &Harness, payer: &Payer) -> Vec<(Value, Value, Value, Vec<Value>)> {
    let sub = harness.stripe(&format!("/subscriptions/{}", payer.subscription));
    let item = |item: &Value| {
        let rates = item["tax_rates"].as_array().expect("a list").iter();
        let rates = rates.map(|rate| rate["id"].clone()).collect();
        let meter = item["price"]["recurring"]["meter"].clone();
        (meter, item["id"].clone(), item["discounts"].clone(), rates)
    };
    let mut items: Vec<_> =
        sub["items"]["data"].as_array().expect("a list").iter().map(item).collect();
    items.sort_by_key(|(meter, ..)| meter.to_string());
    items
}

fn item_discounts_and_tax_rates_are_kept_and_charged_as_previewed(harness: &Harness) {
    let coupon = |percent: &str| {
        let form = [("percent_off", percent), ("duration", "forever")];
        text(&harness.stripe_post("/coupons", &form), "id")
    };
    let (half, tenth) = (coupon("50"), coupon("10"));
    let vat = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
    let vat = text(&harness.stripe_post("/tax_rates", &vat), "id");
    let more = [
        ("items[0][discounts][0][coupon]", &*half),
        ("items[0][tax_rates][0]", &*vat),
        ("items[1][discounts][0][coupon]", &*tenth),
        ("items[1][tax_rates][0]", &*vat),
    ];
    let payer = harness.payer("with-items-of-their-own", Start { more: &more, ..Start::on("pro") });
    let before = items(harness, &payer);
    assert_eq!(before.iter().filter(|(.., rates)| *rates == [json!(vat)]).count(), 2);
    for to in [["agency", "month"], ["agency", "year"], ["starter", "month"]] {
        let (preview, _) = change_as_previewed(harness, &payer, to, &[]);
        assert_ne!(preview["breakdown"]["tax"], "0.00", "{to:?}: {preview:#}");
        assert_eq!(items(harness, &payer), before, "{to:?}");
    }
}
