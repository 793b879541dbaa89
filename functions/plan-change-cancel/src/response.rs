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
    /// Creates the entry of a change to these prices, or of a cancellation, which has none.
    pub fn of<'a>(
        prices: impl Iterator<Item = &'a Price>,
        tiers: &Tiers,
        effective_at: Option<Timestamp>,
        reason: Reason,
    ) -> Self {
        let mut of_a_plan: Vec<_> =
            prices.filter_map(|price| Some((tiers.of(price)?, price))).collect();
        of_a_plan.sort_by_key(|(_, price)| price.is_metered());
        let base = of_a_plan.first();
        let recurring = base.and_then(|(_, price)| price.recurring.as_ref());
        Self {
            plan: base.map(|(tier, _)| (*tier).to_owned()),
            interval: recurring.map(|recurring| Interval::as_str(recurring.interval)),
            effective_at: effective_at.map(Timestamp::date_time),
            reason,
        }
    }
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
        let change = Dropped::of(prices.iter(), &tiers, at, Reason::Scheduled);
        assert_eq!(
            serde_json::to_value(change).expect("serializes"),
            json!({ "plan": "pro", "interval": "month", "effectiveAt": "2026-06-28T09:30:00Z", "reason": "scheduled" })
        );
        let end = Dropped::of([].iter(), &tiers, None, Reason::Cancellation);
        assert_eq!(
            serde_json::to_value(end).expect("serializes"),
            json!({ "plan": null, "interval": null, "effectiveAt": null, "reason": "cancellation" })
        );
    }
}
