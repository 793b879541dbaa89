//! Payments of invoices, and payment methods.

use serde::{Deserialize, Serialize};

use super::common::{Expandable, List, has_id};
use super::validated;
use crate::values::Timestamp;

/// A payment, or an attempt at one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvoicePayment {
    pub id: String,
    pub is_default: bool,
    pub payment: Payment,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Payment {
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

impl InvoicePayment {
    /// Returns the ID of the `PaymentIntent`, if the payment is one.
    pub fn intent_id(&self) -> Option<&str> {
        match self.payment.payment_intent.as_ref()? {
            Expandable::Id(id) => Some(id),
            Expandable::Object(intent) => Some(&intent.id),
        }
    }
}

/// A payment of an invoice with its `PaymentIntent`. Amounts are minor units of the invoice's currency.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentDetails {
    pub id: String,
    pub status: InvoicePaymentStatus,
    pub amount_requested: i64,
    /// Null until it is paid.
    pub amount_paid: Option<i64>,
    pub created: Timestamp,
    pub status_transitions: PaymentTransitions,
    pub payment: Payment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoicePaymentStatus {
    /// Not paid yet: the intent tells why.
    Open,
    Paid,
    Canceled,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentTransitions {
    pub paid_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
}

/// The status of a `PaymentIntent`. Source: <https://docs.stripe.com/payments/paymentintents/lifecycle>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentIntent {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub status: IntentStatus,
    pub created: Timestamp,
    pub last_payment_error: Option<PaymentError>,
    /// Set while the customer has to act.
    pub next_action: Option<NextAction>,
    /// The types of payment methods that can pay it.
    pub payment_method_types: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NextAction {
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentError {
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
}

/// A payment method.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentMethod {
    /// Stripe's type, such as `card` or `sepa_debit`.
    #[serde(rename = "type")]
    pub kind: String,
    pub card: Option<Card>,
    pub acss_debit: Option<BankAccount>,
    pub au_becs_debit: Option<BankAccount>,
    pub bacs_debit: Option<BankAccount>,
    pub nz_bank_account: Option<BankAccount>,
    pub sepa_debit: Option<BankAccount>,
    pub us_bank_account: Option<BankAccount>,
}

impl PaymentMethod {
    /// Returns the last digits of the card's or the account's number.
    pub fn last4(&self) -> Option<&str> {
        let accounts = [
            &self.acss_debit,
            &self.au_becs_debit,
            &self.bacs_debit,
            &self.nz_bank_account,
            &self.sepa_debit,
            &self.us_bank_account,
        ];
        let account =
            || accounts.into_iter().flatten().find_map(|account| account.last4.as_deref());
        self.card.as_ref().map(|card| card.last4.as_str()).or_else(account)
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Card {
    /// Stripe's name of the brand, such as `visa`.
    pub brand: String,
    pub last4: String,
    pub exp_month: u32,
    pub exp_year: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BankAccount {
    pub last4: Option<String>,
}

has_id!(InvoicePayment, PaymentDetails, PaymentIntent);

/// The payments of an invoice: Stripe embeds the first ten.
pub type InvoicePayments = List<InvoicePayment>;

/// A default payment method, expanded or not.
pub type DefaultMethod = Expandable<PaymentMethod>;
