//! What belongs to single items of a subscription is still theirs after a change of plan.

use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::posts::{Payer, Start, change_as_previewed};
use crate::stripe::text;

cases![discounts_and_tax_rates_of_single_items_stay_and_are_charged_as_shown];

/// Every item of the plan by its meter (the base has none): its id, discounts and tax rates.
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

fn discounts_and_tax_rates_of_single_items_stay_and_are_charged_as_shown(harness: &Harness) {
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
