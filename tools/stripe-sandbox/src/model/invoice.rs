//! Invoices, their lines, invoice items and payments.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::customer::TaxExempt;
use super::subscription::{AutomaticTax, Collection, Subscription};
use super::tax_id::TaxId;
use super::usage::Unbilled;
use super::{Entity, Metadata, string_enum};
use crate::values::failures::Failure;
use crate::values::money::Currency;
use crate::values::period::Timestamp;

string_enum!(Status { Draft = "draft", Open = "open", Void = "void", Paid = "paid", Uncollectible = "uncollectible" });
string_enum!(BillingReason {
    Manual = "manual",
    SubscriptionCreate = "subscription_create",
    SubscriptionCycle = "subscription_cycle",
    SubscriptionUpdate = "subscription_update",
    Upcoming = "upcoming",
});
string_enum!(UncollectibleReason {
    SubscriptionPaused = "subscription_paused",
    UserForgiven = "user_forgiven",
});

/// Origin of an invoice line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    SubscriptionItem { subscription: String, item: String, invoice_item: Option<String> },
    InvoiceItem { invoice_item: String, subscription: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub amount: i64,
    pub description: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit: Option<Decimal>,
    /// IDs of the price and the product.
    pub price: Option<(String, String)>,
    pub period: (Timestamp, Timestamp),
    pub origin: Origin,
    pub proration: bool,
    /// This proration is a credit. Its amount can be zero.
    pub credit: bool,
    /// For a credit: the invoice and the line IDs that charged the credited time.
    pub credited: Option<(String, Vec<String>)>,
    /// For a metered line: the usage to count again when the draft is finalized.
    pub metered: Option<Unbilled>,
    pub discountable: bool,
    pub item_discounts: Vec<String>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
    pub discount_amounts: Vec<(String, i64)>,
    pub taxes: Vec<LineTax>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineTax {
    pub rate: String,
    pub inclusive: bool,
    pub amount: i64,
    pub taxable: i64,
}

/// Sums of an invoice's lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub subtotal: i64,
    pub subtotal_excluding_tax: i64,
    pub discounts: Vec<(String, i64)>,
    pub taxes: Vec<LineTax>,
    pub total: i64,
    pub total_excluding_tax: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Transitions {
    pub finalized: Option<Timestamp>,
    pub paid: Option<Timestamp>,
    pub uncollectible: Option<Timestamp>,
    pub voided: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invoice {
    pub id: String,
    pub customer: String,
    pub subscription: Option<String>,
    /// Metadata of the subscription when the invoice was created.
    pub subscription_metadata: Metadata,
    /// In previews of a change: the time that prorations were computed for.
    pub proration_date: Option<Timestamp>,
    pub currency: Currency,
    pub status: Status,
    pub reason: BillingReason,
    pub automatic_tax: AutomaticTax,
    pub collection: Collection,
    pub days_until_due: Option<i64>,
    pub due_date: Option<Timestamp>,
    pub default_payment_method: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub discounts: Vec<String>,
    pub description: Option<String>,
    pub footer: Option<String>,
    pub metadata: Metadata,
    pub number: Option<String>,
    /// Secret part of the hosted page's URL.
    pub token: String,
    pub lines: Vec<Line>,
    pub totals: Totals,
    pub starting_balance: i64,
    pub ending_balance: Option<i64>,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub paid_out_of_band: bool,
    pub attempted: bool,
    pub attempt_count: u32,
    pub next_payment_attempt: Option<Timestamp>,
    pub auto_advance: bool,
    pub finalizes_at: Option<Timestamp>,
    pub uncollectible_reason: Option<UncollectibleReason>,
    pub transitions: Transitions,
    pub period: (Timestamp, Timestamp),
    pub created: Timestamp,
    pub customer_name: Option<String>,
    pub customer_email: Option<String>,
    pub tax_exempt: TaxExempt,
    pub tax_ids: Vec<TaxId>,
    pub test_clock: Option<String>,
}

impl Invoice {
    pub fn amount_remaining(&self) -> i64 {
        match self.status {
            Status::Paid => 0,
            _ => self.amount_due - self.amount_paid,
        }
    }

    /// Sets the time at which the draft finalizes and is charged. With None it stays a draft.
    pub fn schedule_finalization(&mut self, at: Option<Timestamp>) {
        self.auto_advance = at.is_some();
        self.finalizes_at = at;
        self.next_payment_attempt = at.filter(|_| self.collection == Collection::Charge);
    }

    /// Returns the balance that finalizing used: negative for credit.
    pub fn applied_balance(&self) -> i64 {
        self.ending_balance.map_or(0, |ending| self.starting_balance - ending)
    }

    /// Returns the time of the next change that needs no request.
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.status {
            Status::Draft => self.finalizes_at.filter(|_| self.auto_advance),
            Status::Open if self.collection == Collection::Send => {
                self.due_date.filter(|_| !self.attempted)
            }
            Status::Open => self.next_payment_attempt.filter(|_| self.auto_advance),
            _ => None,
        }
    }
}

impl Entity for Invoice {
    const KIND: &'static str = "invoice";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let status = self.status.as_str();
        let mut owners = vec![format!("customer={}", self.customer)];
        owners.extend(self.subscription.iter().map(|id| format!("subscription={id}")));
        let mut keys: Vec<String> =
            owners.iter().map(|owner| format!("{owner}&status={status}")).collect();
        keys.extend(owners);
        if self.test_clock.is_none() {
            keys.extend(["all".into(), format!("status={status}")]);
        }
        keys
    }
}

/// Invoice item, pending until it is on an invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvoiceItem {
    pub id: String,
    pub customer: String,
    pub subscription: Option<String>,
    pub invoice: Option<String>,
    pub currency: Currency,
    pub line: Line,
    pub date: Timestamp,
    pub test_clock: Option<String>,
}

impl InvoiceItem {
    /// Creates an invoice item that is pending for the subscription's next invoice.
    pub fn waiting(sub: &Subscription, id: String, line: Line, now: Timestamp) -> InvoiceItem {
        InvoiceItem {
            id,
            customer: sub.customer.clone(),
            subscription: Some(sub.id.clone()),
            invoice: None,
            currency: sub.currency,
            line,
            date: now,
            test_clock: sub.test_clock.clone(),
        }
    }
}

impl Entity for InvoiceItem {
    const KIND: &'static str = "invoiceitem";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![format!("customer={}", self.customer)];
        keys.extend(self.invoice.iter().map(|invoice| format!("invoice={invoice}")));
        if self.test_clock.is_none() {
            keys.push("all".into());
        }
        if self.invoice.is_none() {
            keys.push(format!("customer={}&pending", self.customer));
            keys.extend(self.subscription.iter().map(|id| format!("subscription={id}&pending")));
        }
        keys
    }
}

string_enum!(PaymentStatus { Canceled = "canceled", Open = "open", Paid = "paid" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvoicePayment {
    pub id: String,
    pub invoice: String,
    pub payment_intent: String,
    pub currency: Currency,
    pub requested: i64,
    pub paid: Option<i64>,
    pub status: PaymentStatus,
    pub created: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub on_test_clock: bool,
}

impl Entity for InvoicePayment {
    const KIND: &'static str = "invoice payment";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![
            format!("invoice={}", self.invoice),
            format!("payment_intent={}", self.payment_intent),
        ];
        if !self.on_test_clock {
            keys.push("all".into());
        }
        keys
    }
}

string_enum!(IntentStatus {
    Canceled = "canceled",
    Processing = "processing",
    RequiresAction = "requires_action",
    RequiresConfirmation = "requires_confirmation",
    RequiresPaymentMethod = "requires_payment_method",
    Succeeded = "succeeded",
});

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    pub client_secret: String,
    pub customer: String,
    pub amount: i64,
    pub currency: Currency,
    pub status: IntentStatus,
    pub payment_method: Option<String>,
    /// Payment method and failure of the last attempt.
    pub last_error: Option<(String, Failure)>,
    /// End of the processing, or of the time that the customer has to act.
    pub pending: Option<PendingPayment>,
    pub charge: Option<String>,
    pub description: Option<String>,
    pub canceled_at: Option<Timestamp>,
    pub created: Timestamp,
}

/// Payment whose outcome is known later.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct PendingPayment {
    pub until: Timestamp,
    /// None if the payment succeeds.
    pub failure: Option<Failure>,
}

impl PaymentIntent {
    /// Returns the time of the next change that needs no request.
    pub fn next_due(&self) -> Option<Timestamp> {
        let waits = [IntentStatus::Processing, IntentStatus::RequiresAction];
        self.pending.map(|pending| pending.until).filter(|_| waits.contains(&self.status))
    }
}

impl Entity for PaymentIntent {
    const KIND: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec!["all".into(), format!("customer={}", self.customer)]
    }
}
