//! Subscription schedules: what a subscription will become, and when.

use serde::{Deserialize, Serialize};

use super::subscription::ProrationBehavior;
use super::{Entity, Metadata, words};
use crate::values::money::Currency;
use crate::values::period::Timestamp;

words!(Status {
    Active = "active",
    Canceled = "canceled",
    Completed = "completed",
    NotStarted = "not_started",
    Released = "released",
});
words!(EndBehavior { Cancel = "cancel", Release = "release" });
words!(PhaseAnchor { Automatic = "automatic", PhaseStart = "phase_start" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedule {
    pub id: String,
    pub customer: String,
    pub subscription: String,
    pub currency: Currency,
    pub status: Status,
    pub end_behavior: EndBehavior,
    /// One after the other without a gap; there is at least one.
    pub phases: Vec<Phase>,
    /// The number of the phase that the subscription is in.
    pub current: usize,
    pub metadata: Metadata,
    pub created: Timestamp,
    pub canceled_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub released_at: Option<Timestamp>,
    pub test_clock: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phase {
    pub start: Timestamp,
    pub end: Timestamp,
    pub items: Vec<PhaseItem>,
    /// How the change to it is prorated.
    pub behavior: ProrationBehavior,
    pub anchor: Option<PhaseAnchor>,
    pub metadata: Metadata,
    pub trial_end: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseItem {
    pub price: String,
    /// None on metered prices.
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
}

impl Schedule {
    pub fn phase(&self) -> &Phase {
        &self.phases[self.current]
    }

    /// When all of it is over.
    pub fn end(&self) -> Timestamp {
        self.phases.last().map_or(self.created, |phase| phase.end)
    }

    /// When time alone next changes something about it.
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.status == Status::Active).then(|| self.phase().end)
    }
}

impl Phase {
    /// The billing cycle begins anew with it.
    pub fn starts_cycle(&self) -> bool {
        self.anchor == Some(PhaseAnchor::PhaseStart)
    }
}

impl Entity for Schedule {
    const KIND: &'static str = "subscription schedule";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![format!("customer={}", self.customer)];
        if self.test_clock.is_none() {
            keys.push("all".into());
        }
        keys
    }
}
