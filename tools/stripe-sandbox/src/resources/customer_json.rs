//! JSON of customers and of their addresses and tax IDs.

use serde_json::{Value, json};

use super::subscription_json;
use crate::endpoint::page;
use crate::lifecycle::automatic_tax::has_location;
use crate::model::customer::{Address, Customer};
use crate::model::subscription::Status;
use crate::model::tax_id::TaxId;
use crate::world::World;

pub fn subscriptions(world: &World, id: &str) -> Value {
    let own = world.subscriptions().under(&format!("customer={id}")).rev();
    let live = own.filter(|sub| sub.status != Status::Canceled);
    let data = live.map(|sub| subscription_json::to_json(world, sub)).collect();
    page::embedded(&format!("/v1/customers/{id}/subscriptions"), data)
}

pub fn to_json(customer: &Customer) -> Value {
    if customer.deleted {
        return json!({ "id": customer.id, "object": "customer", "deleted": true });
    }
    json!({
        "id": customer.id,
        "object": "customer",
        "address": customer.address.as_ref().map(address_to_json),
        "balance": customer.balance,
        "created": customer.created,
        "currency": customer.currency.map(|currency| currency.to_string()),
        "default_source": null,
        "delinquent": false,
        "description": customer.description,
        "discount": null,
        "email": customer.email,
        "invoice_prefix": customer.invoice_prefix,
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": customer.default_payment_method,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": customer.metadata,
        "name": customer.name,
        "next_invoice_sequence": customer.next_invoice_sequence,
        "phone": customer.phone,
        "preferred_locales": customer.preferred_locales,
        "shipping": null,
        "tax_exempt": customer.tax_exempt.as_str(),
        "test_clock": customer.test_clock,
    })
}

/// Returns types and values, as invoices and checkout sessions show them.
pub fn tax_ids_to_json(ids: &[TaxId]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "type": id.kind.as_str(), "value": id.value })).collect()
}

pub fn address_to_json(address: &Address) -> Value {
    json!({
        "city": address.city,
        "country": address.country,
        "line1": address.line1,
        "line2": address.line2,
        "postal_code": address.postal_code,
        "state": address.state,
    })
}

/// Returns `tax`, which is included on request.
pub fn tax_to_json(customer: &Customer) -> Value {
    let known = has_location(customer);
    let address = customer.address.as_ref().filter(|_| known);
    json!({
        "automatic_tax": if known { "supported" } else { "unrecognized_location" },
        "ip_address": null,
        "location": address.map(|address| {
            json!({ "country": address.country, "source": "billing_address", "state": address.state })
        }),
        "provider": "stripe",
    })
}
