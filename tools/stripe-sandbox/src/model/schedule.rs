//! Subscription schedules and their phases.

use serde::{Deserialize, Serialize};

use super::catalog::RequestedDiscount;
use super::subscription::{BillingMode, ProrationBehavior};
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
    /// None before the start.
    pub subscription: Option<String>,
    /// Billing mode, and whether prorations list their discounts.
    pub mode: (BillingMode, bool),
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
    pub description: Option<String>,
    /// None leaves those of the subscription.
    pub default_tax_rates: Option<Vec<String>>,
    /// Replace the subscription's discounts.
    pub discounts: Vec<RequestedDiscount>,
    pub trial_end: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseItem {
    pub price: String,
    /// None for metered prices.
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub discounts: Vec<RequestedDiscount>,
    pub metadata: Metadata,
}

impl Schedule {
    pub fn phase(&self) -> &Phase {
        &self.phases[self.current]
    }

    /// Returns whether the schedule can still change.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::NotStarted | Status::Active)
    }

    /// Returns the end of the last phase.
    pub fn end(&self) -> Timestamp {
        self.phases.last().map_or(self.created, |phase| phase.end)
    }

    /// Returns the time at which the end of the schedule is announced.
    pub fn end_announced_at(&self) -> Option<Timestamp> {
        self.is_live().then(|| self.end() - END_NOTICE)
    }

    /// Returns the time of the next change that needs no request.
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.status {
            Status::NotStarted => Some(self.phase().start),
            Status::Active => Some(self.phase().end),
            Status::Canceled | Status::Completed | Status::Released => None,
        }
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
