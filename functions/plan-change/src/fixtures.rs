//! Stripe's objects for the tests here: what every one of them has, and the fields of the case.

use serde_json::{Value, json};
use shared::api::idempotency::Operation;
use shared::stripe::views::{Invoice, Subscription};

use crate::marks;

fn with(mut whole: Value, fields: &Value) -> Value {
    let fields = fields.as_object().expect("an object").clone();
    whole.as_object_mut().expect("an object").extend(fields);
    whole
}

pub fn subscription(fields: &Value) -> Subscription {
    let whole = json!({
        "id": "sub_1", "status": "active", "currency": "usd", "created": 0, "collection_method": "charge_automatically",
        "cancel_at_period_end": false, "items": { "data": [], "has_more": false },
    });
    serde_json::from_value(with(whole, fields)).expect("a subscription")
}

pub fn invoice(fields: &Value) -> Invoice {
    serde_json::from_value(invoice_text(fields)).expect("an invoice")
}

pub fn invoice_text(fields: &Value) -> Value {
    let whole = json!({
        "id": "in_1", "status": "paid", "currency": "usd", "subtotal": 1, "total": 1, "amount_due": 1, "amount_paid": 1,
        "amount_remaining": 0, "starting_balance": 0, "attempted": true, "attempt_count": 1, "created": 0,
        "period_start": 0, "period_end": 0, "parent": null, "status_transitions": {}, "lines": { "data": [], "has_more": false },
    });
    with(whole, fields)
}

/// Metadata with the operation's mark.
pub fn mark(operation: &Operation) -> Value {
    json!({ marks::key(operation): "1" })
}
