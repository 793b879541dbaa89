use fixtures::{PERIOD_END, PERIOD_START, view, with};
use serde_json::json;

use super::*;
use crate::billing::catalog::{Metered, Offer, Tiers};
use crate::billing::payment::Payment;
use crate::billing::plan_change::{ChangeLimits, Effective};
use crate::billing::price::PriceShape;
use crate::billing::subscription::Current;
use crate::stripe::views::Interval;
use crate::values::Money;

fn offer(interval: Interval) -> Offer {
    let currency = "usd".parse().unwrap();
    let price = json!({ "recurring": { "interval": interval, "interval_count": 1, "usage_type": "licensed" } });
    let price = view(with(fixtures::price("price_1", "prod_1", "licensed"), &price));
    let shape = PriceShape::of(&price, currency).unwrap();
    let metered = |meter: &str| Metered {
        price: format!("price_starter_{meter}"),
        meter: meter.to_owned(),
        unit: None,
        shape: shape.clone(),
    };
    Offer {
        price: "price_starter".to_owned(),
        tier: "starter".to_owned(),
        name: "Starter".to_owned(),
        description: None,
        interval,
        amount: Money::new(1_000, currency),
        shape: shape.clone(),
        metered: vec![metered("cpu"), metered("ram")],
    }
}

/// Returns a subscription with three seats, usage of two meters, an add-on, and discounts.
fn subscription(discounts: &Value) -> Subscription {
    let meter = |name: &str| {
        let metadata = json!({ "metadata": { "cantila_meter": name } });
        let price =
            with(fixtures::price(&format!("price_pro_{name}"), "prod_pro", "metered"), &metadata);
        fixtures::item(&format!("si_{name}"), &price)
    };
    let licensed = |id: &str, price: &str, product: &str, change: &Value| {
        with(fixtures::item(id, &fixtures::price(price, product, "licensed")), change)
    };
    let items = [
        licensed(
            "si_base",
            "price_pro",
            "prod_pro",
            &json!({ "quantity": 3, "discounts": ["di_base"] }),
        ),
        meter("cpu"),
        meter("disk"),
        licensed("si_ip", "price_ip", "prod_ip", &json!({ "quantity": 2 })),
    ];
    view(with(
        fixtures::subscription("sub_1", "active", &items),
        &json!({ "discounts": discounts }),
    ))
}

/// Returns what Stripe makes of the subscription.
fn draft() -> ScheduleDraft {
    let item = |price: &str, more: &Value| {
        let item = json!({
            "price": price, "plan": price, "billing_thresholds": null, "metadata": {}, "tax_rates": [],
            "discounts": [{ "coupon": "half", "discount": null, "promotion_code": null }],
        });
        with(item, more)
    };
    view(json!({
        "id": "sub_sched_1",
        "phases": [{
            "start_date": PERIOD_START, "end_date": PERIOD_END, "trial_end": PERIOD_END,
            "currency": "usd", "proration_behavior": "always_invoice", "collection_method": "charge_automatically",
            "description": null, "add_invoice_items": [], "application_fee_percent": null,
            "automatic_tax": { "enabled": true, "disabled_reason": "why", "liability": { "type": "self" } },
            "default_payment_method": { "id": "pm_1", "object": "payment_method" },
            "default_tax_rates": [{ "id": "txr_1", "object": "tax_rate" }],
            "discounts": [{ "coupon": "half", "discount": null, "promotion_code": null }],
            "invoice_settings": { "days_until_due": null, "footer": "Thanks", "issuer": { "type": "self" } },
            "metadata": { "team": "a" },
            "transfer_data": { "amount_percent": 2.5, "destination": "acct_1" },
            "items": [
                item("price_pro", &json!({ "quantity": 3, "tax_rates": [{ "id": "txr_2" }], "metadata": { "seat": "b" } })),
                item("price_pro_cpu", &json!({})),
                item("price_pro_disk", &json!({})),
                item("price_ip", &json!({ "quantity": 2 })),
            ],
        }],
    }))
}

/// Returns the body's parameters under a name, without it.
fn parameters(interval: Interval, discounts: &Value, under: &str) -> Vec<String> {
    let (subscriptions, offer) = ([subscription(discounts)], offer(interval));
    let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
    let current = Current::of(&subscriptions, &tiers);
    let limits = ChangeLimits::default();
    let effective = Effective::PeriodEnd;
    let change = Change::of(current.as_ref(), &Payment::None, &tiers, &offer, limits, effective);
    let attribution = Attribution {
        account: "acc_1".to_owned(),
        request_id: "req".to_owned(),
        key_id: "key_1".to_owned(),
    };
    let body = two_phases(&change.unwrap(), &draft(), "op", &attribution).unwrap();
    let pairs = form_urlencoded::parse(body.as_bytes());
    let own =
        pairs.filter_map(|(name, value)| Some(format!("{}={value}", name.strip_prefix(under)?)));
    let mut own: Vec<String> = own.collect();
    own.sort();
    own
}

fn sorted(texts: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    texts.sort();
    texts
}

const SETTINGS: [&str; 11] = [
    "[currency]=usd",
    "[collection_method]=charge_automatically",
    "[automatic_tax][enabled]=true",
    "[automatic_tax][liability][type]=self",
    "[default_payment_method]=pm_1",
    "[default_tax_rates][0]=txr_1",
    "[discounts][0][discount]=di_1",
    "[invoice_settings][footer]=Thanks",
    "[invoice_settings][issuer][type]=self",
    "[transfer_data][amount_percent]=2.5",
    "[transfer_data][destination]=acct_1",
];

#[test]
fn first_phase_is_the_current_one_as_it_is() {
    let (start, end) = (format!("[start_date]={PERIOD_START}"), format!("[end_date]={PERIOD_END}"));
    let trial = format!("[trial_end]={PERIOD_END}");
    let own = [
        "[metadata][team]=a",
        &*start,
        &*end,
        &*trial,
        "[items][0][price]=price_pro",
        "[items][0][quantity]=3",
        "[items][0][tax_rates][0]=txr_2",
        "[items][0][metadata][seat]=b",
        "[items][0][discounts][0][discount]=di_base",
        "[items][1][price]=price_pro_cpu",
        "[items][2][price]=price_pro_disk",
        "[items][3][price]=price_ip",
        "[items][3][quantity]=2",
    ];
    let found = parameters(Interval::Month, &json!(["di_1"]), "phases[0]");
    assert_eq!(found, sorted(&[&SETTINGS[..], &own].concat()));
}

#[test]
fn second_phase_has_the_new_prices_and_everything_else() {
    let own = [
        "[metadata][team]=a",
        "[metadata][cantila_operation]=op",
        "[metadata][cantila_account]=acc_1",
        "[metadata][cantila_request_id]=req",
        "[metadata][cantila_key_id]=key_1",
        "[proration_behavior]=create_prorations",
        "[duration][interval]=month",
        "[duration][interval_count]=1",
        "[items][0][price]=price_starter",
        "[items][0][quantity]=3",
        "[items][0][tax_rates][0]=txr_2",
        "[items][0][metadata][seat]=b",
        "[items][0][discounts][0][discount]=di_base",
        "[items][1][price]=price_starter_cpu",
        "[items][2][price]=price_ip",
        "[items][2][quantity]=2",
        "[items][3][price]=price_starter_ram",
    ];
    let found = parameters(Interval::Month, &json!(["di_1"]), "phases[1]");
    assert_eq!(found, sorted(&[&SETTINGS[..], &own].concat()));
}

#[test]
fn other_interval_starts_a_cycle_and_no_discount_is_empty() {
    let found = parameters(Interval::Year, &json!([]), "phases[1]");
    for expected in
        ["[billing_cycle_anchor]=phase_start", "[duration][interval]=year", "[discounts]="]
    {
        assert!(found.iter().any(|one| one == expected), "{expected} in {found:?}");
    }
}

#[test]
fn schedule_is_marked_and_releases_its_subscription() {
    let found = parameters(Interval::Month, &json!([]), "");
    for expected in ["end_behavior=release", "metadata[cantila_operation]=op"] {
        assert!(found.iter().any(|one| one == expected), "{expected} in {found:?}");
    }
}
