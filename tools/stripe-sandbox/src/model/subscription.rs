//! Subscriptions and their items.

use serde::{Deserialize, Serialize};

use super::usage::Unbilled;
use super::{Entity, Metadata, MetadataChange, words};
use crate::values::cost::Cost;
use crate::values::money::Currency;
use crate::values::period::{HOUR, Timestamp};

words!(Status {
    Active = "active",
    Canceled = "canceled",
    Incomplete = "incomplete",
    IncompleteExpired = "incomplete_expired",
    PastDue = "past_due",
    Paused = "paused",
    Trialing = "trialing",
    Unpaid = "unpaid",
});

impl Status {
    pub fn is_terminal(self) -> bool {
        matches!(self, Status::Canceled | Status::IncompleteExpired)
    }

    /// Periods pass and invoices are made.
    pub fn is_running(self) -> bool {
        matches!(self, Status::Active | Status::PastDue | Status::Trialing | Status::Unpaid)
    }
}

words!(BillingMode { Classic = "classic", Flexible = "flexible" });
words!(ProrationBehavior { AlwaysInvoice = "always_invoice", CreateProrations = "create_prorations", None = "none" });
words!(PaymentBehavior {
    Allow = "allow_incomplete",
    Default = "default_incomplete",
    Error = "error_if_incomplete",
    Pending = "pending_if_incomplete",
});
words!(Collection { Charge = "charge_automatically", Send = "send_invoice" });
words!(PauseBehavior { KeepAsDraft = "keep_as_draft", MarkUncollectible = "mark_uncollectible", Void = "void" });
words!(MissingPaymentMethod { Cancel = "cancel", CreateInvoice = "create_invoice", Pause = "pause" });
words!(CancelReason { Requested = "cancellation_requested", PaymentFailed = "payment_failed" });
words!(PauseReason {
    FinalPaymentFailure = "final_payment_failure",
    FirstPaymentFailure = "first_payment_failure",
    PauseRequested = "pause_requested",
    TrialEndWithoutPaymentMethod = "trial_end_without_payment_method",
});

/// How long the first payment may take, or that of a pending update or a resumption.
pub const PAYMENT_WINDOW: i64 = 23 * HOUR;

/// Why and since when it is paused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paused {
    pub reason: PauseReason,
    pub at: Timestamp,
    /// The invoice whose payment failed.
    pub invoice: Option<String>,
}

/// What follows a trial: without a payment method, and for the billing cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSettings {
    pub missing_payment_method: MissingPaymentMethod,
    /// The cycle goes on as it was; otherwise it begins when the trial ends.
    pub keeps_anchor: bool,
}

impl Default for TrialSettings {
    fn default() -> TrialSettings {
        TrialSettings {
            missing_payment_method: MissingPaymentMethod::CreateInvoice,
            keeps_anchor: false,
        }
    }
}

/// The part of a trial's settings that a request names.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrialSettingsChange {
    pub missing_payment_method: Option<MissingPaymentMethod>,
    pub keeps_anchor: Option<bool>,
}

impl TrialSettingsChange {
    pub fn apply(self, to: TrialSettings) -> TrialSettings {
        TrialSettings {
            missing_payment_method: self
                .missing_payment_method
                .unwrap_or(to.missing_payment_method),
            keeps_anchor: self.keeps_anchor.unwrap_or(to.keeps_anchor),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cancellation {
    pub reason: Option<CancelReason>,
    pub feedback: Option<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub customer: String,
    pub status: Status,
    pub mode: BillingMode,
    /// Flexible billing: prorations show their discounts (`proration_discounts=itemized`).
    pub itemized: bool,
    pub items: Vec<Item>,
    pub currency: Currency,
    /// Every item's periods are counted from here.
    pub anchor: Timestamp,
    pub created: Timestamp,
    pub start: Timestamp,
    pub collection: Collection,
    pub days_until_due: Option<i64>,
    pub default_payment_method: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub discounts: Vec<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub trial: Option<(Timestamp, Timestamp)>,
    pub trial_settings: TrialSettings,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<Timestamp>,
    pub cancellation: Cancellation,
    pub ended_at: Option<Timestamp>,
    pub latest_invoice: Option<String>,
    pub pause_collection: Option<(PauseBehavior, Option<Timestamp>)>,
    pub paused: Option<Paused>,
    /// A way out of the pause that waits for its invoice.
    pub resumption: Option<Box<Resumption>>,
    /// `payment_settings[save_default_payment_method]=on_subscription`.
    pub save_default_payment_method: bool,
    /// Set while the first invoice waits: when the subscription expires unpaid.
    pub expires_at: Option<Timestamp>,
    /// A change that waits for its invoice to be paid.
    pub pending_update: Option<Box<PendingUpdate>>,
    /// What manages it.
    pub schedule: Option<String>,
    pub test_clock: Option<String>,
}

/// What a subscription will become when the invoice for that is paid, and what was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingUpdate {
    pub invoice: String,
    pub expires_at: Timestamp,
    /// The subscription as it would be now, had the payment succeeded.
    pub next: Subscription,
    /// The cycle starts anew.
    pub reset: bool,
    pub trial_end: Option<Timestamp>,
    pub metadata: Option<MetadataChange>,
    pub cancel_at_period_end: Option<bool>,
    pub discounts: Option<Vec<String>>,
    /// Items whose usage up to the request is on the invoice.
    pub swept: Vec<String>,
}

/// What a paused subscription will be once the invoice for that is settled or, without
/// `needs_success`, attempted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resumption {
    pub invoice: String,
    pub needs_success: bool,
    /// When the invoice is void for want of an attempt.
    pub expires_at: Option<Timestamp>,
    pub next: Subscription,
}

impl Subscription {
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The next moment at which some item's period is over.
    pub fn next_period_end(&self) -> Option<Timestamp> {
        self.items.iter().map(|item| item.period.1).min()
    }

    pub fn last_period_end(&self) -> Option<Timestamp> {
        self.items.iter().map(|item| item.period.1).max()
    }

    /// When time alone next changes something about it.
    pub fn next_due(&self) -> Option<Timestamp> {
        let running = self.status.is_running();
        let period = if running { self.next_period_end() } else { None };
        let trial = self.trial.map(|(_, end)| end).filter(|_| self.status == Status::Trialing);
        let cancel = self.cancel_at.filter(|_| running || self.status == Status::Paused);
        let expiry = self.expires_at.filter(|_| self.status == Status::Incomplete);
        let resume =
            self.pause_collection.and_then(|(_, at)| at).filter(|_| !self.status.is_terminal());
        let pending = self.pending_update.as_ref().map(|pending| pending.expires_at);
        let resumption = self.resumption.as_ref().and_then(|resumption| resumption.expires_at);
        [period, trial, cancel, expiry, resume, pending, resumption].into_iter().flatten().min()
    }
}

impl Entity for Subscription {
    const KIND: &'static str = "subscription";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let status = self.status.as_str();
        let mut keys = vec![
            format!("customer={}", self.customer),
            format!("customer={}&status={status}", self.customer),
        ];
        match &self.test_clock {
            Some(clock) => keys.push(format!("test_clock={clock}")),
            None => keys.extend(["all".into(), format!("status={status}")]),
        }
        keys.extend(self.items.iter().map(|item| format!("item={}", item.id)));
        keys
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    pub id: String,
    pub price: String,
    /// None on metered prices.
    pub quantity: Option<i64>,
    pub period: (Timestamp, Timestamp),
    pub tax_rates: Vec<String>,
    pub discounts: Vec<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
    /// What usage is not billed yet: that since the period's start, unless some was billed in between.
    pub usage: Unbilled,
    /// What was invoiced for the current period. Flexible billing credits exactly this.
    pub debits: Vec<Debit>,
}

/// What charged a stretch of an item's current period, before tax: one line, or one for each tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Debit {
    pub invoice: Option<String>,
    /// For a proration: the invoice item that it is, by which it is found on an invoice.
    pub invoice_item: Option<String>,
    pub lines: Vec<String>,
    pub cost: Cost,
    pub period: (Timestamp, Timestamp),
    pub tax_rates: Vec<String>,
    pub item_discounts: Vec<String>,
}
