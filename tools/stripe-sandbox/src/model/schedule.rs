//! Subscription schedules: what a subscription will become, and when.

use serde::{Deserialize, Serialize};

use super::subscription::ProrationBehavior;
use super::{Metadata, words};
use crate::engine::money::Currency;
use crate::engine::period::Timestamp;
use crate::world::store::Entity;

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
