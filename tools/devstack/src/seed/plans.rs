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
    if base["product"].is_null() {
        return Err(history.failed("finding the plan", &format!("there is no plan {tier}")));
    }
    let mut prices = active(history).await?;
    prices.retain(|price| {
        let own = &price["metadata"]["cantila_plan"];
        let is_of_plan =
            if own.is_null() { price["product"] == base["product"] } else { own == tier };
        is_of_plan && price["recurring"]["interval"] == "month"
    });
    prices.sort_by_key(|price| price["id"] != base["id"]);
    Ok(prices)
}

/// Returns all active recurring prices.
async fn active(history: &History) -> Result<Vec<Value>, Error> {
    let path = "/prices?active=true&type=recurring&limit=100&expand[0]=data.tiers";
    let mut prices: Vec<Value> = Vec::new();
    loop {
        let after = match prices.last() {
            Some(last) => format!("&starting_after={}", history.text(last, "id")?),
            None => String::new(),
        };
        let page = history.get(&format!("{path}{after}")).await?;
        prices.extend(page["data"].as_array().cloned().unwrap_or_default());
        if page["has_more"] != true {
            return Ok(prices);
        }
    }
}
