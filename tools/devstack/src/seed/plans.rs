//! Reads the plans' prices and meters from Stripe.

use serde_json::Value;

use super::history::History;
use crate::Error;

/// Meter of a metered price.
pub(crate) struct Meter {
    pub(crate) event: String,
    pub(crate) customer_key: String,
    pub(crate) value_key: String,
    /// Units that the base fee includes.
    pub(crate) included: i64,
}

/// Returns the IDs of a plan's monthly prices, the base price first.
pub(super) async fn monthly(history: &History, tier: &str) -> Result<Vec<String>, Error> {
    let prices = prices(history, tier).await?;
    prices.iter().map(|price| history.text(price, "id")).collect()
}

/// Returns the meters of a plan.
pub(crate) async fn meters(history: &History, tier: &str) -> Result<Vec<Meter>, Error> {
    let mut meters = Vec::new();
    for price in prices(history, tier).await? {
        if let Some(id) = price["recurring"]["meter"].as_str() {
            let meter = history.get(&format!("/billing/meters/{id}")).await?;
            meters.push(Meter {
                event: history.text(&meter, "event_name")?,
                customer_key: history.text(&meter["customer_mapping"], "event_payload_key")?,
                value_key: history.text(&meter["value_settings"], "event_payload_key")?,
                included: price["tiers"][0]["up_to"].as_i64().unwrap_or(0),
            });
        }
    }
    Ok(meters)
}

async fn prices(history: &History, tier: &str) -> Result<Vec<Value>, Error> {
    let found =
        history.get(&format!("/prices?active=true&lookup_keys[0]=cantila_{tier}_month")).await?;
    let base = &found["data"][0];
    let product = base["product"]
        .as_str()
        .ok_or_else(|| history.failed("finding the plan", &format!("there is no plan {tier}")))?;
    let all = history
        .get(&format!(
            "/prices?active=true&type=recurring&limit=100&product={product}&expand[0]=data.tiers"
        ))
        .await?;
    let mut prices: Vec<Value> = all["data"].as_array().cloned().unwrap_or_default();
    prices.retain(|price| price["recurring"]["interval"] == "month");
    prices.sort_by_key(|price| price["id"] != base["id"]);
    Ok(prices)
}
