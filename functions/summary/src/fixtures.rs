//! Fixtures: Stripe's objects with the fields that views read.

use serde_json::{Value, json};
use shared::stripe::views::{Invoice, Subscription};

/// Returns `base` with the fields of `change`.
fn merged(mut base: Value, change: &Value) -> Value {
    let fields = base.as_object_mut().expect("an object");
    fields.extend(change.as_object().expect("an object").clone());
    base
}

/// Returns a monthly price of a product with the ID `price_<product>_<usage>`.
pub fn price(product: &str, usage: &str) -> Value {
    json!({
        "id": format!("price_{product}_{usage}"), "currency": "usd", "product": product, "metadata": {},
        "recurring": { "interval": "month", "interval_count": 1, "usage_type": usage },
        "unit_amount": 3500, "unit_amount_decimal": "3500",
    })
}

/// Returns a subscription with an item for each product and usage type. Item IDs are `si_<n>`.
pub fn subscription(
    id: &str,
    status: &str,
    items: &[(&str, &str)],
    change: &Value,
) -> Subscription {
    let items: Vec<_> = items.iter().enumerate().map(|(n, (product, usage))| {
        json!({ "id": format!("si_{n}"), "current_period_start": 1_780_047_000, "current_period_end": 1_782_639_000, "price": price(product, usage) })
    }).collect();
    let base = json!({
        "id": id, "status": status, "currency": "usd", "created": 1_780_047_000,
        "collection_method": "charge_automatically", "cancel_at_period_end": false,
        "items": { "data": items, "has_more": false },
    });
    serde_json::from_value(merged(base, change)).expect("a whole subscription")
}

/// Returns an invoice of 35.00 USD without lines.
pub fn invoice(change: &Value) -> Value {
    merged(
        json!({
            "id": "in_1", "status": "open", "currency": "usd", "subtotal": 3500, "total": 3500,
            "amount_due": 3500, "amount_paid": 0, "amount_remaining": 3500, "starting_balance": 0,
            "total_taxes": [], "attempted": false, "attempt_count": 0, "created": 1_780_047_000,
            "period_start": 1_780_047_000, "period_end": 1_780_047_000, "parent": null, "status_transitions": {},
            "lines": { "data": [], "has_more": false },
        }),
        change,
    )
}

/// Returns the view of such an invoice.
pub fn invoice_view(change: &Value) -> Invoice {
    serde_json::from_value(invoice(change)).expect("a whole invoice")
}
