//! Subscriptions and their items.

use serde::{Deserialize, Serialize};

use super::usage::Unbilled;
use super::{Entity, Metadata, MetadataChange, string_enum};
use crate::values::cost::Cost;
use crate::values::money::Currency;
use crate::values::period::{DAY, HOUR, Timestamp};

string_enum!(Status {
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

    /// Returns whether periods renew and invoices are created.
    pub fn is_running(self) -> bool {
        matches!(self, Status::Active | Status::PastDue | Status::Trialing | Status::Unpaid)
    }
}

string_enum!(BillingMode { Classic = "classic", Flexible = "flexible" });
string_enum!(ProrationBehavior { AlwaysInvoice = "always_invoice", CreateProrations = "create_prorations", None = "none" });
string_enum!(PaymentBehavior {
    Allow = "allow_incomplete",
    Error = "error_if_incomplete",
    Pending = "pending_if_incomplete",
    Default = "default_incomplete",
});
string_enum!(Collection { Charge = "charge_automatically", Send = "send_invoice" });
string_enum!(PauseBehavior { KeepAsDraft = "keep_as_draft", MarkUncollectible = "mark_uncollectible", Void = "void" });
string_enum!(MissingPaymentMethod { Cancel = "cancel", CreateInvoice = "create_invoice", Pause = "pause" });
string_enum!(CancelReason { Requested = "cancellation_requested", PaymentFailed = "payment_failed" });
string_enum!(PauseReason {
    FinalPaymentFailure = "final_payment_failure",
    FirstPaymentFailure = "first_payment_failure",
    PauseRequested = "pause_requested",
    TrialEndWithoutPaymentMethod = "trial_end_without_payment_method",
});

/// Time that the first payment may take, and that of a pending update or a resumption. Seconds.
pub const PAYMENT_WINDOW: i64 = 23 * HOUR;

/// Automatic tax of a subscription or an invoice. Its amount is always 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutomaticTax {
    #[default]
    Off,
    On,
    /// Stripe turned it off when an invoice finalized without a valid location of the customer.
    Disabled,
}

/// Time from the announcement of a trial's end to the end. Seconds.
pub const TRIAL_NOTICE: i64 = 3 * DAY;

/// Reason and start of a pause.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paused {
    pub reason: PauseReason,
    pub at: Timestamp,
    /// Invoice whose payment failed.
    pub invoice: Option<String>,
}

/// Behavior at the end of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSettings {
    pub missing_payment_method: MissingPaymentMethod,
    /// The billing cycle keeps its anchor. Otherwise it restarts when the trial ends.
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

/// Trial settings that a request contains.
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
    /// Flexible billing: prorations list their discounts (`proration_discounts=itemized`).
    pub itemized: bool,
    pub items: Vec<Item>,
    pub currency: Currency,
    /// Start that every item's periods are counted from.
    pub anchor: Timestamp,
    pub automatic_tax: AutomaticTax,
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
    /// Resumption that is waiting for its invoice.
    pub resumption: Option<Box<Resumption>>,
    /// `payment_settings[save_default_payment_method]=on_subscription`.
    pub save_default_payment_method: bool,
    /// Setup intent with which a customer without a payment method can add one.
    pub pending_setup_intent: Option<String>,
    /// While the first invoice is unpaid: when the subscription expires.
    pub expires_at: Option<Timestamp>,
    /// Pending update (Stripe's term): applied when its invoice is paid.
    pub pending_update: Option<Box<PendingUpdate>>,
    /// Schedule that manages this subscription.
    pub schedule: Option<String>,
    pub test_clock: Option<String>,
}

/// Pending update: the subscription after its invoice is paid, and the requested parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingUpdate {
    pub invoice: String,
    pub expires_at: Timestamp,
    /// The subscription as it would be if the payment had succeeded immediately.
    pub next: Subscription,
    /// The billing cycle restarts.
    pub reset: bool,
    pub trial_end: Option<Timestamp>,
    pub metadata: Option<MetadataChange>,
    pub cancel_at_period_end: Option<bool>,
    pub discounts: Option<Vec<String>>,
    /// IDs of the items whose usage up to the request is on the invoice.
    pub billed_usage: Vec<String>,
}

/// Resumption of a paused subscription. It takes effect when its invoice is paid or uncollectible
/// or, without `needs_success`, after the first payment attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resumption {
    pub invoice: String,
    pub needs_success: bool,
    /// When the invoice is voided if no payment was attempted.
    pub expires_at: Option<Timestamp>,
    pub next: Subscription,
}

impl Subscription {
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Pauses the subscription. `invoice` is the one whose payment failed.
    pub fn pause(&mut self, reason: PauseReason, invoice: Option<String>, at: Timestamp) {
        self.status = Status::Paused;
        self.paused = Some(Paused { reason, at, invoice });
    }

    /// Returns the earliest end of an item's period.
    pub fn next_period_end(&self) -> Option<Timestamp> {
        self.items.iter().map(|item| item.period.1).min()
    }

    pub fn last_period_end(&self) -> Option<Timestamp> {
        self.items.iter().map(|item| item.period.1).max()
    }

    /// Returns the time at which the end of the trial is announced.
    pub fn trial_announced_at(&self) -> Option<Timestamp> {
        let trial = self.trial.filter(|_| self.status == Status::Trialing);
        trial.map(|(_, end)| end - TRIAL_NOTICE)
    }

    /// Returns the time of the next change that needs no request.
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
    /// None for metered prices.
    pub quantity: Option<i64>,
    pub period: (Timestamp, Timestamp),
    pub tax_rates: Vec<String>,
    pub discounts: Vec<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
    /// Usage that is not billed yet: from the period's start, or later if some of it was billed.
    pub usage: Unbilled,
    /// Charges of the current period. Flexible billing credits exactly these.
    pub debits: Vec<Debit>,
}

/// Charge for a part of an item's current period, before tax: one line, or one for each tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Debit {
    pub invoice: Option<String>,
    /// For a proration: its invoice item, which identifies its line on a later invoice.
    pub invoice_item: Option<String>,
    pub lines: Vec<String>,
    pub cost: Cost,
    pub period: (Timestamp, Timestamp),
    /// IDs of the price and the product that were charged. The item can have another price since.
    pub price: (String, String),
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub item_discounts: Vec<String>,
}
