//! Builds the response from Stripe's invoice. No I/O.

use serde::Serialize;
use shared::StripeError;
use shared::billing::breakdown::Breakdown;
use shared::billing::invoice_entry::InvoiceEntry;
use shared::billing::payment::Payment;
use shared::stripe::views::{Invoice, PaymentDetails};

use crate::attribution::{self, Attribution, Origin};
use crate::lines::LineEntry;
use crate::payments::PaymentEntry;

/// Body of the response.
#[derive(Debug, Serialize)]
pub struct WholeInvoice {
    #[serde(flatten)]
    entry: InvoiceEntry,
    breakdown: Breakdown,
    lines: Vec<LineEntry>,
    /// Oldest first.
    payments: Vec<PaymentEntry>,
    attribution: Option<Attribution>,
}

impl WholeInvoice {
    /// `payment` is the state of the invoice's payment, `payments` are all of them, newest first,
    /// `earlier` are older invoices of the same subscription.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum of amounts overflows.
    pub fn of(
        invoice: &Invoice,
        payment: &Payment,
        lines: Vec<LineEntry>,
        payments: &[PaymentDetails],
        earlier: &[Origin],
    ) -> Result<Self, StripeError> {
        let payments = payments.iter().rev();
        Ok(Self {
            entry: InvoiceEntry::of(invoice, payment)?,
            breakdown: Breakdown::of(invoice)?,
            lines,
            payments: payments.map(|payment| PaymentEntry::of(payment, invoice.currency)).collect(),
            attribution: attribution::of(invoice, earlier),
        })
    }
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::json;

    use super::*;
    use crate::lines::tests::{entries, invoice};

    #[test]
    fn invoice_has_its_entry_breakdown_lines_and_payments() {
        let payment = |id: &str, created: i64| {
            view(json!({
                "id": id, "status": "open", "amount_requested": 1, "created": created,
                "status_transitions": {}, "payment": {},
            }))
        };
        let invoice = invoice(&json!({}));
        let payments = [payment("inpay_2", 2), payment("inpay_1", 1)];
        let whole = WholeInvoice::of(&invoice, &Payment::Paid, entries(&invoice), &payments, &[]);
        let whole = serde_json::to_value(whole.expect("it adds up")).expect("serializes");
        let found = ["id", "amount", "payment", "attribution"].map(|field| whole[field].clone());
        assert_eq!(json!(found), json!(["in_1", "35.71", "paid", null]));
        assert_eq!(whole["breakdown"]["total"], "35.71");
        assert_eq!(whole["lines"].as_array().map(Vec::len), Some(4));
        let at = [0, 1].map(|n| whole["payments"][n]["at"].clone());
        assert_eq!(json!(at), json!(["1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"]));
    }
}
