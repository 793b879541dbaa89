//! Subscriptions, pending updates and schedules.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::common::{CollectionMethod, Expandable, Id, List, has_id};
use super::customer::Discount;
use super::invoice::{AutomaticTax, Invoice};
use super::payment::DefaultMethod;
use super::price::Price;
use super::validated;
use crate::values::{Currency, OPERATION_METADATA, Timestamp};

/// The status of a subscription. An unknown one makes the response malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Canceled,
    Unpaid,
    Paused,
}

impl SubscriptionStatus {
    /// Returns whether the subscription has ended.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Returns Stripe's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subscription {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub status: SubscriptionStatus,
    pub currency: Currency,
    pub created: Timestamp,
    pub billing_mode: Option<BillingMode>,
    pub collection_method: CollectionMethod,
    pub automatic_tax: Option<AutomaticTax>,
    pub items: List<SubscriptionItem>,
    pub trial_end: Option<Timestamp>,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub cancellation_details: Option<CancellationDetails>,
    pub status_details: Option<StatusDetails>,
    pub pause_collection: Option<PauseCollection>,
    pub pending_update: Option<PendingUpdate>,
    pub schedule: Option<Expandable<Schedule>>,
    pub latest_invoice: Option<Expandable<Invoice>>,
    pub default_payment_method: Option<DefaultMethod>,
    pub default_source: Option<Expandable<Id>>,
    #[serde(default)]
    pub discounts: Vec<Expandable<Discount>>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub test_clock: Option<Expandable<TestClock>>,
    /// The time that the response is about, if it is the last known one.
    #[serde(skip)]
    pub past: Option<Timestamp>,
}

impl Subscription {
    /// Returns the current time: the test clock's if there is one, else that of the last known response, else this
    /// machine's.
    pub fn now(&self) -> Timestamp {
        let clock = self.test_clock.as_ref().and_then(Expandable::object);
        let of_clock = clock.map(|clock| clock.frozen_time);
        of_clock.or(self.past).unwrap_or_else(Timestamp::now)
    }

    /// Returns the update of items that waits for its payment. A paused subscription that resumes has a
    /// pending update too, which changes no items.
    pub fn pending_change(&self) -> Option<&PendingUpdate> {
        let has_items = |items: &Vec<PendingItem>| !items.is_empty();
        let update = self.pending_update.as_ref();
        update.filter(|update| update.subscription_items.as_ref().is_some_and(has_items))
    }

    /// Returns the ID of its schedule.
    pub fn schedule_id(&self) -> Option<&str> {
        match self.schedule.as_ref()? {
            Expandable::Id(id) => Some(id),
            Expandable::Object(schedule) => schedule.id.as_deref(),
        }
    }

    /// Returns the time at which the subscription is set to end: `cancel_at`, the end of the period, or the end of
    /// its schedule.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let period_end = || self.items.data.iter().map(|item| item.current_period_end).max();
        let schedule_end = || self.schedule.as_ref()?.object()?.ends_at();
        self.cancel_at
            .or_else(|| self.cancel_at_period_end.then(period_end).flatten())
            .or_else(schedule_end)
    }

    /// Returns the end of the trial that is running.
    pub fn running_trial_end(&self) -> Option<Timestamp> {
        self.trial_end.filter(|end| *end > self.now())
    }
}

/// How Stripe computes prorations and bills usage.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BillingMode {
    #[serde(rename = "type")]
    pub kind: BillingModeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingModeKind {
    /// Usage of a replaced price is never billed.
    Classic,
    Flexible,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SubscriptionItem {
    pub id: String,
    pub current_period_start: Timestamp,
    pub current_period_end: Timestamp,
    /// Null for a metered price.
    pub quantity: Option<u64>,
    #[serde(default)]
    pub discounts: Vec<Expandable<Discount>>,
    #[serde(deserialize_with = "validated::recurring_price")]
    pub price: Price,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CancellationDetails {
    pub reason: Option<String>,
}

/// Set only while the subscription is paused.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatusDetails {
    pub paused: Option<Paused>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Paused {
    pub transitioned_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PauseCollection {
    pub behavior: String,
}

/// A pending update: Stripe applies it once its invoice is paid.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PendingUpdate {
    pub expires_at: Timestamp,
    pub subscription_items: Option<Vec<PendingItem>>,
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PendingItem {
    pub price: Price,
    /// Null for a metered price.
    pub quantity: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Schedule {
    pub id: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub phases: Vec<Phase>,
    #[serde(default)]
    pub end_behavior: EndBehavior,
}

/// The subscription's fate at the end of its schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndBehavior {
    Cancel,
    #[default]
    Release,
    /// Deprecated values, which renew the schedule or do nothing.
    #[serde(other)]
    Other,
}

/// A schedule that was made of a subscription. Its phases are sent back whole, so all their fields are read.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ScheduleDraft {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub phases: Vec<serde_json::Map<String, serde_json::Value>>,
}

impl Schedule {
    /// Returns the operation of this API that made the schedule.
    pub fn operation(&self) -> Option<&str> {
        self.metadata.get(OPERATION_METADATA).map(String::as_str)
    }

    /// Returns when the schedule ends the subscription.
    fn ends_at(&self) -> Option<Timestamp> {
        let cancels = self.end_behavior == EndBehavior::Cancel;
        cancels.then(|| self.phases.iter().filter_map(|phase| phase.end_date).max()).flatten()
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Phase {
    pub start_date: Timestamp,
    pub end_date: Option<Timestamp>,
    pub items: Vec<PhaseItem>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PhaseItem {
    pub price: Expandable<Id>,
    /// Null for a metered price.
    pub quantity: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TestClock {
    pub frozen_time: Timestamp,
}

has_id!(Subscription, SubscriptionItem);
