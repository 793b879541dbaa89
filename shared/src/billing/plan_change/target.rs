//! The requested plan.

use crate::billing::catalog::{Offer, Tiers};
use crate::billing::subscription::Current;
use crate::stripe::views::Interval;
use crate::values::quoted;

/// The intervals in which plans are offered.
pub const INTERVALS: [(&str, Interval); 2] = [("month", Interval::Month), ("year", Interval::Year)];

/// The requested plan and interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub plan: String,
    /// Defaults to the subscription's interval.
    pub interval: Option<Interval>,
}

/// There is no such plan. The message lists the plans or names the contact.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UnknownPlan {
    pub message: String,
}

impl Target {
    /// Returns the offer. The interval defaults to that of `current`, then to a month.
    ///
    /// # Errors
    /// [`UnknownPlan`].
    pub fn offer<'o>(
        &self,
        offers: &'o [Offer],
        tiers: &Tiers,
        current: Option<&Current<'_>>,
    ) -> Result<&'o Offer, UnknownPlan> {
        let own =
            || current?.plan?.item.price.recurring.as_ref().map(|recurring| recurring.interval);
        let interval = self.interval.or_else(own).unwrap_or(Interval::Month);
        let found =
            offers.iter().find(|offer| offer.tier == self.plan && offer.interval == interval);
        found.ok_or_else(|| UnknownPlan { message: self.unknown(offers, tiers, interval) })
    }

    fn unknown(&self, offers: &[Offer], tiers: &Tiers, interval: Interval) -> String {
        let plan = &self.plan;
        if let Some(contact) = tiers.contact(plan) {
            return format!("The plan \"{plan}\" is arranged personally. Write to {contact}.");
        }
        let mut plans: Vec<&str> = offers
            .iter()
            .filter(|offer| offer.interval == interval)
            .map(|offer| offer.tier.as_str())
            .collect();
        plans.dedup();
        let by = interval.as_str();
        if offers.iter().any(|offer| offer.tier == *plan) {
            return format!(
                "The plan \"{plan}\" is not sold by the {by}. Plans by the {by}: {}.",
                plans.join(", ")
            );
        }
        format!("There is no plan \"{}\". Plans: {}.", quoted(plan), plans.join(", "))
    }
}
