//! Stripe's responses for meters, products and prices, and their conversion.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared::billing::catalog::{CONTACT_KEY, METER_KEY, PLAN_KEY, UNIT_KEY};
use shared::stripe::views::{HasId, Interval};
use shared::values::Currency;

use super::actual::{Meter, Price, Product, Terms};
use super::desired::{Charge, Labels, Owner};

/// The fields of a meter that this tool reads.
#[derive(Deserialize, Serialize)]
pub(super) struct MeterView {
    id: String,
    event_name: String,
    display_name: String,
    status: String,
    default_aggregation: AggregationView,
    customer_mapping: KeyView,
    value_settings: KeyView,
}

#[derive(Deserialize, Serialize)]
struct AggregationView {
    formula: String,
}

#[derive(Deserialize, Serialize)]
struct KeyView {
    event_payload_key: String,
}

macro_rules! has_id {
    ($($view:ty),+) => { $(impl HasId for $view { fn id(&self) -> &str { &self.id } })+ };
}
has_id!(MeterView, ProductView, PriceView);

impl From<MeterView> for Meter {
    fn from(view: MeterView) -> Self {
        let sums = view.default_aggregation.formula == "sum"
            && view.customer_mapping.event_payload_key == "stripe_customer_id"
            && view.value_settings.event_payload_key == "value";
        Self {
            id: view.id,
            event_name: view.event_name,
            display_name: view.display_name,
            active: view.status == "active",
            sums,
        }
    }
}

/// The fields of a product that this tool reads. For a deleted product Stripe sends only the ID.
#[derive(Deserialize, Serialize)]
pub(super) struct ProductView {
    id: String,
    #[serde(default)]
    name: String,
    description: Option<String>,
    unit_label: Option<String>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl ProductView {
    /// Returns the product; `None` if it stands for no plan and no meter.
    pub(super) fn product(mut self) -> Option<Product> {
        let mut name = |key| self.metadata.remove(key).filter(|name| !name.is_empty());
        let plan = name(PLAN_KEY).map(Owner::Plan);
        let owner = plan.or_else(|| name(METER_KEY).map(Owner::Meter))?;
        Some(Product {
            id: self.id,
            owner,
            name: self.name,
            description: self.description,
            contact: self.metadata.remove(CONTACT_KEY),
            unit_label: self.unit_label,
            active: self.active,
        })
    }
}

/// The fields of a price that this tool reads, with tiers and currency options expanded.
#[derive(Deserialize, Serialize)]
pub(super) struct PriceView {
    id: String,
    product: String,
    active: bool,
    lookup_key: Option<String>,
    currency: Currency,
    #[serde(default)]
    metadata: HashMap<String, String>,
    recurring: Option<RecurringView>,
    tiers_mode: Option<String>,
    transform_quantity: Option<serde_json::Value>,
    #[serde(flatten)]
    charge: ChargeView,
    currency_options: Option<HashMap<Currency, ChargeView>>,
}

#[derive(Deserialize, Serialize)]
struct RecurringView {
    interval: Interval,
    interval_count: u32,
    meter: Option<String>,
    usage_type: String,
}

#[derive(Deserialize, Serialize)]
struct ChargeView {
    unit_amount_decimal: Option<Decimal>,
    tiers: Option<Vec<TierView>>,
}

#[derive(Deserialize, Serialize)]
struct TierView {
    up_to: Option<u64>,
    unit_amount_decimal: Option<Decimal>,
    flat_amount_decimal: Option<Decimal>,
}

impl From<PriceView> for Price {
    fn from(view: PriceView) -> Self {
        let terms = terms(&view);
        let mut metadata = view.metadata;
        let mut label = |key| metadata.remove(key);
        let labels =
            Labels { plan: label(PLAN_KEY), meter: label(METER_KEY), unit: label(UNIT_KEY) };
        Self {
            id: view.id,
            product: view.product,
            lookup_key: view.lookup_key,
            active: view.active,
            labels,
            terms,
        }
    }
}

/// Returns the terms; `None` if a catalog cannot describe them.
fn terms(view: &PriceView) -> Option<Terms> {
    let recurring = view.recurring.as_ref().filter(|recurring| recurring.interval_count == 1)?;
    let is_plain = view.transform_quantity.is_none()
        && view.tiers_mode.as_deref().is_none_or(|mode| mode == "graduated");
    let is_consistent = (recurring.usage_type == "metered") == recurring.meter.is_some();
    if !is_plain || !is_consistent {
        return None;
    }
    let mut charges = BTreeMap::from([(view.currency, charge(&view.charge)?)]);
    for (code, option) in
        view.currency_options.iter().flatten().filter(|(code, _)| **code != view.currency)
    {
        charges.insert(*code, charge(option)?);
    }
    Some(Terms {
        interval: recurring.interval,
        meter: recurring.meter.clone(),
        currency: view.currency,
        charges,
    })
}

fn charge(view: &ChargeView) -> Option<Charge> {
    let is_free = |amount: Option<Decimal>| amount.is_none_or(|amount| amount.is_zero());
    match view.tiers.as_deref() {
        None | Some([]) => view.unit_amount_decimal.map(Charge::Flat),
        Some([free, rest]) => {
            let is_ours = is_free(free.unit_amount_decimal)
                && is_free(free.flat_amount_decimal)
                && is_free(rest.flat_amount_decimal)
                && rest.up_to.is_none();
            let unit = rest.unit_amount_decimal.filter(|_| is_ours)?;
            Some(Charge::Beyond { included: free.up_to?, unit })
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn price(changed: &[(&str, serde_json::Value)]) -> Option<Terms> {
        let mut price = json!({
            "id": "price_1", "product": "prod_1", "active": true, "lookup_key": null, "currency": "usd",
            "recurring": { "interval": "month", "interval_count": 1, "usage_type": "metered", "meter": "mtr_1" },
            "tiers_mode": "graduated", "transform_quantity": null, "unit_amount_decimal": null,
            "tiers": [
                { "up_to": 100, "unit_amount_decimal": "0", "flat_amount_decimal": null },
                { "up_to": null, "unit_amount_decimal": "1.20", "flat_amount_decimal": null },
            ],
        });
        for (key, value) in changed {
            price[*key] = value.clone();
        }
        Price::from(serde_json::from_value::<PriceView>(price).expect("a price")).terms
    }

    #[test]
    fn free_first_tier_is_an_allowance() {
        let terms = price(&[]).expect("ours");
        let unit = Decimal::new(12, 1);
        assert_eq!(
            terms.charges.values().collect::<Vec<_>>(),
            [&Charge::Beyond { included: 100, unit }]
        );
        assert_eq!(terms.meter.as_deref(), Some("mtr_1"));
    }

    #[test]
    fn own_currency_among_the_options_is_not_repeated() {
        let option = |unit: &str| json!({ "unit_amount_decimal": unit, "tiers": null });
        let flat = [
            ("tiers", json!(null)),
            ("tiers_mode", json!(null)),
            ("unit_amount_decimal", json!("5")),
        ];
        let options = ("currency_options", json!({ "usd": option("5"), "eur": option("4") }));
        let terms = price(&[&flat[..], &[options]].concat()).expect("ours");
        let charges: Vec<_> =
            terms.charges.iter().map(|(code, charge)| (code.as_str(), *charge)).collect();
        assert_eq!(charges, [("eur", Charge::Flat(4.into())), ("usd", Charge::Flat(5.into()))]);
    }

    #[test]
    fn price_that_a_catalog_cannot_describe_has_no_terms() {
        let tier = |up_to: Option<u64>, unit: &str, flat: &str| json!({ "up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": flat });
        let cases = [
            ("tiers_mode", json!("volume")),
            ("transform_quantity", json!({ "divide_by": 10, "round": "up" })),
            (
                "recurring",
                json!({ "interval": "month", "interval_count": 3, "usage_type": "metered", "meter": "mtr_1" }),
            ),
            (
                "recurring",
                json!({ "interval": "month", "interval_count": 1, "usage_type": "metered", "meter": null }),
            ),
            ("tiers", json!([tier(Some(1), "1", "0"), tier(None, "2", "0")])),
            ("tiers", json!([tier(Some(1), "0", "1"), tier(None, "2", "0")])),
            ("tiers", json!([tier(Some(1), "0", "0"), tier(None, "2", "3")])),
            (
                "tiers",
                json!([tier(Some(1), "0", "0"), tier(Some(2), "1", "0"), tier(None, "2", "0")]),
            ),
            ("tiers", json!(null)),
        ];
        for (key, value) in cases {
            assert_eq!(price(&[(key, value.clone())]), None, "{key} {value}");
        }
    }
}
