//! The payments of an invoice, and attempts at them. No I/O.

use serde::Serialize;
use shared::billing::payment::Payment;
use shared::stripe::Decline;
use shared::stripe::views::{Expandable, InvoicePaymentStatus, PaymentDetails};
use shared::{Currency, DateTime, Money};

/// A payment, or an attempt at one.
#[derive(Debug, Serialize)]
pub struct PaymentEntry {
    /// The paid amount, or the requested one.
    amount: Money,
    status: &'static str,
    /// When it was paid or canceled, else when it was created.
    at: DateTime,
    failure: Option<Decline>,
}

impl PaymentEntry {
    /// Reads a payment of an invoice in `currency`.
    pub fn of(payment: &PaymentDetails, currency: Currency) -> Self {
        let intent = payment.payment.payment_intent.as_ref().and_then(Expandable::object);
        let attempt = intent.map_or(Payment::None, Payment::of_intent);
        let transitions = &payment.status_transitions;
        let requested = payment.amount_requested;
        let (amount, status, at, failure) = match payment.status {
            InvoicePaymentStatus::Paid => {
                (payment.amount_paid.unwrap_or(requested), "paid", transitions.paid_at, None)
            }
            InvoicePaymentStatus::Canceled => {
                (requested, "canceled", transitions.canceled_at, attempt.failure())
            }
            InvoicePaymentStatus::Open => (requested, attempt.as_str(), None, attempt.failure()),
        };
        Self {
            amount: Money::new(amount, currency),
            status,
            at: at.unwrap_or(payment.created).date_time(),
            failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn payment_has_the_state_of_its_intent_until_it_is_paid_or_canceled() {
        let intent = |status: &str, error: &Value| {
            json!({
                "id": "pi_1", "status": status, "created": 7, "last_payment_error": error,
                "next_action": null, "payment_method_types": ["card"],
            })
        };
        let declined = json!({ "code": "card_declined", "decline_code": "insufficient_funds", "message": "No." });
        let shown = json!({ "code": "card_declined", "declineCode": "insufficient_funds", "kind": "soft", "message": "No." });
        let none = Value::Null;
        // status, intent → amount, status, at, failure
        let cases = [
            ("paid", intent("succeeded", &none), "12.00", "paid", "1970-01-01T00:00:09Z", &none),
            ("paid", none.clone(), "12.00", "paid", "1970-01-01T00:00:09Z", &none),
            (
                "open",
                intent("requires_payment_method", &declined),
                "35.00",
                "failed",
                "1970-01-01T00:00:05Z",
                &shown,
            ),
            (
                "open",
                intent("processing", &declined),
                "35.00",
                "processing",
                "1970-01-01T00:00:05Z",
                &none,
            ),
            (
                "open",
                intent("requires_payment_method", &none),
                "35.00",
                "none",
                "1970-01-01T00:00:05Z",
                &none,
            ),
            (
                "canceled",
                intent("canceled", &declined),
                "35.00",
                "canceled",
                "1970-01-01T00:00:11Z",
                &shown,
            ),
        ];
        for (status, intent, amount, state, at, failure) in cases {
            let payment = view(json!({
                "id": "inpay_1", "status": status, "amount_requested": 3500, "amount_paid": 1200, "created": 5,
                "status_transitions": { "paid_at": 9, "canceled_at": 11 }, "payment": { "payment_intent": intent },
            }));
            let entry = PaymentEntry::of(&payment, "usd".parse().expect("a currency"));
            let expected =
                json!({ "amount": amount, "status": state, "at": at, "failure": failure });
            assert_eq!(serde_json::to_value(entry).expect("serializes"), expected, "{payment:?}");
        }
    }
}
