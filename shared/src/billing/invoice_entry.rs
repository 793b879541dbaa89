//! An invoice as responses show it. No I/O.

use serde::Serialize;

use super::breakdown::total_tax;
use super::invoice::{billed_period, still_to_pay};
use super::payment::Payment;
use crate::stripe::StripeError;
use crate::stripe::views::Invoice;
use crate::values::{Currency, Date, DateTime, Money, Timestamp};

/// An invoice without its lines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceEntry {
    number: Option<String>,
    status: &'static str,
    /// Total.
    amount: Money,
    hosted_url: Option<String>,
    id: String,
    currency: Currency,
    amount_paid: Money,
    /// Amount that remains to be paid.
    amount_due: Money,
    payment: &'static str,
    /// All tax, inclusive tax too.
    tax: Money,
    created_at: DateTime,
    period_start: Date,
    period_end: Date,
    due_date: Option<Date>,
    paid_at: Option<DateTime>,
    pdf_url: Option<String>,
    reason: Option<String>,
}

impl InvoiceEntry {
    /// Reads a finalized invoice. `payment` is that of the invoice.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum of amounts overflows.
    pub fn of(invoice: &Invoice, payment: &Payment) -> Result<Self, StripeError> {
        let money = |minor| Money::new(minor, invoice.currency);
        let period = billed_period(invoice);
        Ok(Self {
            number: invoice.number.clone(),
            status: invoice.status.as_str(),
            amount: money(invoice.total),
            hosted_url: invoice.hosted_invoice_url.clone(),
            id: invoice.id.clone(),
            currency: invoice.currency,
            amount_paid: money(invoice.amount_paid),
            amount_due: still_to_pay(invoice),
            payment: payment.as_str(),
            tax: total_tax(invoice)?,
            created_at: invoice.created.date_time(),
            period_start: period.start.date(),
            period_end: period.end.date(),
            due_date: invoice.due_date.map(Timestamp::date),
            paid_at: invoice.status_transitions.paid_at.map(Timestamp::date_time),
            pdf_url: invoice.invoice_pdf.clone(),
            reason: invoice.billing_reason.clone(),
        })
    }
}
