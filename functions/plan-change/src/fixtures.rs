//! Fixtures of a plan change.

use fixtures::{view, with};
use serde_json::{Value, json};
use shared::api::idempotency::Operation;
use shared::stripe::views::{Invoice, Subscription};

use crate::marks;

pub fn subscription(change: &Value) -> Subscription {
    view(with(fixtures::subscription("sub_1", "active", &[]), change))
}

pub fn invoice(change: &Value) -> Invoice {
    view(invoice_text(change))
}

pub fn invoice_text(change: &Value) -> Value {
    with(fixtures::invoice("in_1", "paid", 1), change)
}

/// Metadata with the operation's mark.
pub fn mark(operation: &Operation) -> Value {
    json!({ marks::key(operation): "1" })
}
