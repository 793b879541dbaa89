//! Payments of invoices.

use serde::Deserialize;

use super::common::Expandable;

/// A payment, or an attempt at one.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoicePayment {
    pub is_default: bool,
    pub payment: Payment,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PaymentIntent {
    pub status: String,
    pub last_payment_error: Option<PaymentError>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PaymentError {
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
}
