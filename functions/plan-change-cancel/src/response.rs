//! The response. No I/O.

use serde::Serialize;
use shared::billing::catalog::Tiers;
use shared::stripe::views::{Interval, Price};
use shared::{DateTime, Timestamp};

/// Body of the response.
#[derive(Debug, Serialize)]
pub struct Canceled {
    /// Tier of the plan that stays in force.
    pub plan: Option<String>,
    pub canceled: Dropped,
}

/// The change or cancellation that was dropped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// Tier of the plan that the change led to; null for a cancellation.
    plan: Option<String>,
    interval: Option<&'static str>,
    /// Null if the time depended on a payment.
    effective_at: Option<DateTime>,
    reason: Reason,
}

/// Why it was pending.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Scheduled,
    PaymentActionRequired,
    Cancellation,
}

impl Dropped {
    /// Creates the entry of a change to this plan, or of a cancellation, which has none.
    pub fn new(
        plan: Option<(&str, Interval)>,
        effective_at: Option<Timestamp>,
        reason: Reason,
    ) -> Self {
        Self {
            plan: plan.map(|(tier, _)| tier.to_owned()),
            interval: plan.map(|(_, interval)| interval.as_str()),
            effective_at: effective_at.map(Timestamp::date_time),
            reason,
        }
    }
}

/// Returns tier and interval of the plan with these prices: those of the base price, else of another price.
pub fn plan_of<'a>(
    prices: impl Iterator<Item = &'a Price>,
    tiers: &'a Tiers,
) -> Option<(&'a str, Interval)> {
    let of_a_plan = prices
        .filter_map(|price| Some((tiers.of(price)?, price.recurring.as_ref()?.interval, price)));
    let base = of_a_plan.min_by_key(|(_, _, price)| price.is_metered());
    base.map(|(tier, interval, _)| (tier, interval))
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::json;

    use super::*;

    #[test]
    fn plan_is_that_of_the_base_price() {
        let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
        let prices: [Price; 3] = [
            view(fixtures::price("price_ip", "prod_ip", "licensed")),
            view(fixtures::price("price_cpu", "prod_pro", "metered")),
            view(fixtures::price("price_pro", "prod_pro", "licensed")),
        ];
        let at = Timestamp::parse("2026-06-28T09:30:00Z");
        let change = Dropped::new(plan_of(prices.iter(), &tiers), at, Reason::Scheduled);
        assert_eq!(
            serde_json::to_value(change).expect("serializes"),
            json!({ "plan": "pro", "interval": "month", "effectiveAt": "2026-06-28T09:30:00Z", "reason": "scheduled" })
        );
        let end = Dropped::new(plan_of([].iter(), &tiers), None, Reason::Cancellation);
        assert_eq!(
            serde_json::to_value(end).expect("serializes"),
            json!({ "plan": null, "interval": null, "effectiveAt": null, "reason": "cancellation" })
        );
    }
}
