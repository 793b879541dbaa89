//! The plans' prices and meters, as Stripe has them.

use serde_json::Value;

use super::story::Story;
use crate::Error;

/// How usage is reported for one metered price, and how much of it the base fee covers.
pub(crate) struct Meter {
    pub(crate) event: String,
    pub(crate) customer_key: String,
    pub(crate) value_key: String,
    pub(crate) included: i64,
}

/// The ids of every price of a plan that is billed monthly, the base fee first.
pub(super) async fn monthly(story: &Story, tier: &str) -> Result<Vec<String>, Error> {
    let prices = prices(story, tier).await?;
    prices.iter().map(|price| story.text(price, "id")).collect()
}

/// The meters of a plan.
pub(crate) async fn meters(story: &Story, tier: &str) -> Result<Vec<Meter>, Error> {
    let mut meters = Vec::new();
    for price in prices(story, tier).await? {
        if let Some(id) = price["recurring"]["meter"].as_str() {
            let meter = story.get(&format!("/billing/meters/{id}")).await?;
            meters.push(Meter {
                event: story.text(&meter, "event_name")?,
                customer_key: story.text(&meter["customer_mapping"], "event_payload_key")?,
                value_key: story.text(&meter["value_settings"], "event_payload_key")?,
                included: price["tiers"][0]["up_to"].as_i64().unwrap_or(0),
            });
        }
    }
    Ok(meters)
}

async fn prices(story: &Story, tier: &str) -> Result<Vec<Value>, Error> {
    let found =
        story.get(&format!("/prices?active=true&lookup_keys[0]=cantila_{tier}_month")).await?;
    let base = &found["data"][0];
    let product = base["product"]
        .as_str()
        .ok_or_else(|| story.failed("looking for the plan", &format!("there is no plan {tier}")))?;
    let all = story
        .get(&format!(
            "/prices?active=true&type=recurring&limit=100&product={product}&expand[0]=data.tiers"
        ))
        .await?;
    let mut prices: Vec<Value> = all["data"].as_array().cloned().unwrap_or_default();
    prices.retain(|price| price["recurring"]["interval"] == "month");
    prices.sort_by_key(|price| price["id"] != base["id"]);
    Ok(prices)
}
