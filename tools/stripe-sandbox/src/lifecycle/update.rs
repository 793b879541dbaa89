//! Parameters of an update.

use super::cancellation::CancelAt;
use super::plan::BillingChange;
use crate::model::catalog::RequestedDiscount;
use crate::model::subscription::{
    AutomaticTax, Collection, PauseBehavior, PaymentBehavior, PendingUpdate, TrialSettingsChange,
};
use crate::model::{Change, MetadataChange};
use crate::values::period::Timestamp;

/// Parameters of an update. IDs in it exist.
#[derive(Default)]
pub struct Update {
    pub metadata: Option<MetadataChange>,
    pub feedback: Change<String>,
    pub comment: Change<String>,
    pub default_payment_method: Change<String>,
    pub description: Change<String>,
    pub automatic_tax: Option<AutomaticTax>,
    pub default_tax_rates: Option<Vec<String>>,
    pub discounts: Option<Vec<RequestedDiscount>>,
    pub cancel_at: Change<CancelAt>,
    pub cancel_at_period_end: Option<bool>,
    pub pause_collection: Change<(PauseBehavior, Option<Timestamp>)>,
    pub collection: Option<Collection>,
    pub days_until_due: Option<i64>,
    pub trial_settings: TrialSettingsChange,
    pub save_default_payment_method: Option<bool>,
    pub billing: BillingChange,
    pub behavior: Option<PaymentBehavior>,
}

impl Update {
    /// Returns whether the update changes fields that a canceled subscription does not allow to
    /// change.
    pub fn changes_more_than_metadata(&self) -> bool {
        self.default_payment_method.is_some()
            || self.automatic_tax.is_some()
            || self.description.is_some()
            || self.default_tax_rates.is_some()
            || self.discounts.is_some()
            || self.cancel_at.is_some()
            || self.cancel_at_period_end.is_some()
            || self.pause_collection.is_some()
            || self.collection.is_some()
            || !self.billing.is_empty()
    }

    pub fn sets_cancellation(&self) -> bool {
        self.cancel_at_period_end.is_some() || self.cancel_at.is_some()
    }

    /// Returns whether the update replaces the pending update.
    pub fn conflicts_with(&self, pending: &PendingUpdate) -> bool {
        !self.billing.is_empty()
            || self.discounts.is_some()
            || self.default_tax_rates.is_some()
            || self.collection == Some(Collection::Send)
            || (self.sets_cancellation()
                && pending.cancel_at_period_end.is_some()
                && pending.cancel_at_period_end != self.cancel_at_period_end)
    }
}
