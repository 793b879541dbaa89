//! The plan that is asked for.

use crate::catalog::{Offer, Tiers};
use crate::encode::quoted;
use crate::request::Fields;
use crate::respond::ApiError;
use crate::stripe::views::Interval;
use crate::subscription::Current;

/// The intervals that plans are sold by.
pub const INTERVALS: [(&str, Interval); 2] = [("month", Interval::Month), ("year", Interval::Year)];

/// The plan that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub plan: String,
    /// The subscription's own where it is not given.
    pub interval: Option<Interval>,
}

impl Target {
    /// Out of the fields `plan` and `interval`.
    ///
    /// # Errors
    /// `validation`.
    pub fn of(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            plan: fields.required("plan")?.to_owned(),
            interval: fields.one_of("interval", &INTERVALS)?,
        })
    }

    /// The offer that is meant, in the interval of `current` where none is given, by the month
    /// where there is neither.
    ///
    /// # Errors
    /// `unknown_plan`, listing the plans or saying whom to ask.
    pub fn offer<'o>(
        &self,
        offers: &'o [Offer],
        tiers: &Tiers,
        current: Option<&Current<'_>>,
    ) -> Result<&'o Offer, ApiError> {
        let own =
            || current?.plan?.item.price.recurring.as_ref().map(|recurring| recurring.interval);
        let interval = self.interval.or_else(own).unwrap_or(Interval::Month);
        let found =
            offers.iter().find(|offer| offer.tier == self.plan && offer.interval == interval);
        found
            .ok_or_else(|| ApiError::UnknownPlan { message: self.unknown(offers, tiers, interval) })
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
