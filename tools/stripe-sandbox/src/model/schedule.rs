//! Subscription schedules and their phases.

use serde::{Deserialize, Serialize};

use super::subscription::ProrationBehavior;
use super::{Entity, Metadata, string_enum};
use crate::values::money::Currency;
use crate::values::period::{DAY, Timestamp};

string_enum!(Status {
    Active = "active",
    Canceled = "canceled",
    Completed = "completed",
    NotStarted = "not_started",
    Released = "released",
});
string_enum!(EndBehavior { Cancel = "cancel", Release = "release" });
string_enum!(PhaseAnchor { Automatic = "automatic", PhaseStart = "phase_start" });

/// Time from the announcement of a schedule's end to the end. Seconds.
const END_NOTICE: i64 = 7 * DAY;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedule {
    pub id: String,
    pub customer: String,
    pub subscription: String,
    pub currency: Currency,
    pub status: Status,
    pub end_behavior: EndBehavior,
    /// Consecutive phases without a gap. There is at least one.
    pub phases: Vec<Phase>,
    /// Index of the subscription's current phase.
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
    /// Proration of the change into this phase.
    pub behavior: ProrationBehavior,
    pub anchor: Option<PhaseAnchor>,
    pub metadata: Metadata,
    pub trial_end: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseItem {
    pub price: String,
    /// None for metered prices.
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
}

impl Schedule {
    pub fn phase(&self) -> &Phase {
        &self.phases[self.current]
    }

    /// Returns the end of the last phase.
    pub fn end(&self) -> Timestamp {
        self.phases.last().map_or(self.created, |phase| phase.end)
    }

    /// Returns the time at which the end of the schedule is announced.
    pub fn end_announced_at(&self) -> Option<Timestamp> {
        (self.status == Status::Active).then(|| self.end() - END_NOTICE)
    }

    /// Returns the time of the next change that needs no request.
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.status == Status::Active).then(|| self.phase().end)
    }
}

impl Phase {
    /// Returns whether the billing cycle restarts with this phase.
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
