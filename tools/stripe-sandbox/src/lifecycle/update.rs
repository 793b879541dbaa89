//! An update of a subscription, as requested.

use super::cancellation::CancelAt;
use super::plan::Wish;
use crate::model::catalog::Redeem;
use crate::model::subscription::{
    Collection, PauseBehavior, PaymentBehavior, PendingUpdate, TrialSettingsChange,
};
use crate::model::{Change, MetadataChange};
use crate::values::period::Timestamp;

/// An update as it was asked for; ids in it are known to exist.
#[derive(Default)]
pub struct Update {
    pub metadata: Option<MetadataChange>,
    pub feedback: Change<String>,
    pub comment: Change<String>,
    pub default_payment_method: Change<String>,
    pub description: Change<String>,
    pub default_tax_rates: Option<Vec<String>>,
    pub discounts: Option<Vec<Redeem>>,
    pub cancel_at: Change<CancelAt>,
    pub cancel_at_period_end: Option<bool>,
    pub pause_collection: Change<(PauseBehavior, Option<Timestamp>)>,
    pub collection: Option<Collection>,
    pub days_until_due: Option<i64>,
    pub trial_settings: TrialSettingsChange,
    pub save_default_payment_method: Option<bool>,
    pub wish: Wish,
    pub behavior: Option<PaymentBehavior>,
}

impl Update {
    /// Whether it touches more than what stays editable after the end.
    pub fn edits_more_than_notes(&self) -> bool {
        self.default_payment_method.is_some()
            || self.description.is_some()
            || self.default_tax_rates.is_some()
            || self.discounts.is_some()
            || self.cancel_at.is_some()
            || self.cancel_at_period_end.is_some()
            || self.pause_collection.is_some()
            || self.collection.is_some()
            || !self.wish.is_nothing()
    }

    pub fn says_when_it_ends(&self) -> bool {
        self.cancel_at_period_end.is_some() || self.cancel_at.is_some()
    }

    /// Whether it cannot be made while `pending` waits.
    pub fn conflicts_with(&self, pending: &PendingUpdate) -> bool {
        !self.wish.is_nothing()
            || self.discounts.is_some()
            || self.default_tax_rates.is_some()
            || self.collection == Some(Collection::Send)
            || (self.says_when_it_ends()
                && pending.cancel_at_period_end.is_some()
                && pending.cancel_at_period_end != self.cancel_at_period_end)
    }
}
