//! Builds the response from Stripe's invoices. No I/O.

use serde::Serialize;
use shared::StripeError;
use shared::billing::invoice_entry::InvoiceEntry;
use shared::billing::payment::Payments;
use shared::stripe::views::Invoice;

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoices {
    invoices: Vec<InvoiceEntry>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl Invoices {
    /// `next_cursor` is set if more invoices follow.
    pub fn of(
        invoices: &[Invoice],
        payments: &Payments,
        next_cursor: Option<String>,
    ) -> Result<Self, StripeError> {
        let entry = |invoice| InvoiceEntry::of(invoice, &payments.of(invoice));
        let invoices = invoices.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { invoices, has_more: next_cursor.is_some(), next_cursor })
    }
}

#[cfg(test)]
pub mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    /// Returns a paid invoice of 35.00 USD with the fields of `change`.
    pub fn invoice(change: &Value) -> Invoice {
        let base = json!({
            "number": "CANT-0001", "billing_reason": "subscription_cycle", "due_date": null,
            "status_transitions": { "finalized_at": 1_782_642_600, "paid_at": 1_782_642_601 },
            "hosted_invoice_url": "https://invoice.stripe.com/i/1", "invoice_pdf": "https://pay.stripe.com/i/1/pdf",
        });
        view(with(with(fixtures::invoice("in_1", "paid", 3500), &base), change))
    }

    #[track_caller]
    fn shown(change: &Value) -> Value {
        serde_json::to_value(
            Invoices::of(&[invoice(change)], &Payments::default(), None).expect("it adds up"),
        )
        .expect("serialises")["invoices"][0]
            .take()
    }

    #[test]
    fn a_paid_invoice_is_shown_whole() {
        let invoices =
            Invoices::of(&[invoice(&json!({}))], &Payments::default(), Some("next".to_owned()))
                .expect("it adds up");
        let expected = json!({
            "invoices": [{
                "number": "CANT-0001", "status": "paid", "amount": "35.00", "hostedUrl": "https://invoice.stripe.com/i/1",
                "id": "in_1", "currency": "USD", "amountPaid": "35.00", "amountDue": "0.00", "payment": "paid", "tax": "0.00",
                "createdAt": "2026-06-28T09:30:00Z", "periodStart": "2026-05-29", "periodEnd": "2026-06-28",
                "dueDate": null, "paidAt": "2026-06-28T10:30:01Z", "pdfUrl": "https://pay.stripe.com/i/1/pdf",
                "reason": "subscription_cycle",
            }],
            "hasMore": true,
            "nextCursor": "next",
        });
        assert_eq!(serde_json::to_value(invoices).expect("serialises"), expected);
    }

    #[test]
    fn an_open_invoice_in_yen_with_both_kinds_of_tax_says_what_is_still_to_pay() {
        let got = shown(&json!({
            "status": "open", "currency": "jpy", "total": 5000, "amount_paid": 1000, "amount_remaining": 4000,
            "total_taxes": [{ "amount": 400, "tax_behavior": "inclusive" }, { "amount": 50, "tax_behavior": "exclusive" }],
            "due_date": 1_785_231_000, "status_transitions": {}, "number": null,
        }));
        let picked = [
            "status",
            "currency",
            "amount",
            "amountPaid",
            "amountDue",
            "tax",
            "dueDate",
            "paidAt",
            "number",
        ];
        assert_eq!(
            json!(picked.map(|field| got[field].clone())),
            json!(["open", "JPY", "5000", "1000", "4000", "450", "2026-07-28", null, null])
        );
    }
}
