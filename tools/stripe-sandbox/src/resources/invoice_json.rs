//! JSON of invoices.

use serde_json::{Value, json};

use super::json::{merge, set};
use super::{invoice_lines_json as line_json, tax_rates};
use crate::model::invoice::{BillingReason, Invoice, Status};
use crate::model::subscription::{AutomaticTax, Collection};
use crate::world::World;

pub fn to_json(world: &World, invoice: &Invoice) -> Value {
    let totals = &invoice.totals;
    let mut object = json!({
        "id": invoice.id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "stripe-sandbox",
        "account_tax_ids": null,
        "amount_due": invoice.amount_due,
        "amount_overpaid": 0,
        "amount_paid": invoice.amount_paid,
        "amount_paid_off_stripe": if invoice.paid_out_of_band { invoice.amount_paid } else { 0 },
        "amount_remaining": invoice.amount_remaining(),
        "amount_shipping": 0,
        "application": null,
        "attempt_count": invoice.attempt_count,
        "attempted": attempted(invoice),
        "auto_advance": invoice.auto_advance,
        "automatic_tax": automatic_tax(invoice.automatic_tax),
        "automatically_finalizes_at": invoice.finalizes_at,
        "billing_reason": invoice.reason.as_str(),
        "collection_method": invoice.collection.as_str(),
        "created": invoice.created,
        "currency": invoice.currency.as_str(),
        "custom_fields": null,
        "customer": invoice.customer,
        "customer_account": null,
        "customer_address": null,
        "customer_email": invoice.customer_email,
        "customer_name": invoice.customer_name,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": invoice.tax_exempt.as_str(),
        "customer_tax_ids": super::customer_json::tax_ids_to_json(&invoice.tax_ids),
        "default_payment_method": invoice.default_payment_method,
        "default_source": null,
        "default_tax_rates": invoice.default_tax_rates.iter()
            .filter_map(|id| world.tax_rates.get(id)).map(tax_rates::to_json).collect::<Vec<_>>(),
        "description": invoice.description,
        "discounts": invoice.discounts,
        "due_date": invoice.due_date,
        "effective_at": invoice.transitions.finalized,
        "ending_balance": invoice.ending_balance,
        "footer": invoice.footer,
        "from_invoice": null,
    });
    let rest = json!({
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "lines": line_json::embedded(invoice),
        "livemode": false,
        "metadata": invoice.metadata,
        "next_payment_attempt": invoice.next_payment_attempt,
        "number": invoice.number,
        "on_behalf_of": null,
        "parent": parent(invoice),
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null
        },
        "period_end": invoice.period.1,
        "period_start": invoice.period.0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": rendering(invoice),
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": invoice.starting_balance,
        "statement_descriptor": null,
        "status": invoice.status.as_str(),
        "status_transitions": {
            "finalized_at": invoice.transitions.finalized,
            "marked_uncollectible_at": invoice.transitions.uncollectible,
            "paid_at": invoice.transitions.paid,
            "voided_at": invoice.transitions.voided,
        },
        "subtotal": totals.subtotal,
        "subtotal_excluding_tax": totals.subtotal_excluding_tax,
        "test_clock": invoice.test_clock,
        "total": totals.total,
        "total_discount_amounts": line_json::discount_amounts(&totals.discounts),
        "total_excluding_tax": totals.total_excluding_tax,
        "total_pretax_credit_amounts": [],
        "total_taxes": line_json::taxes(&totals.taxes, invoice.tax_exempt),
        "webhooks_delivered_at": invoice.created,
    });
    merge(&mut object, rest);
    merge(&mut object, links(world, invoice));
    let why = invoice.uncollectible_reason;
    let why = why.map(|reason| json!({ "uncollectible": { "reason": reason.as_str() } }));
    set(&mut object, "status_details", why);
    object
}

/// A sent invoice counts as attempted only once it is paid, other than out of band.
fn attempted(invoice: &Invoice) -> bool {
    let sent = invoice.collection == Collection::Send;
    invoice.attempted && (!sent || (invoice.status == Status::Paid && !invoice.paid_out_of_band))
}

fn automatic_tax(tax: AutomaticTax) -> Value {
    let on = tax == AutomaticTax::On;
    let disabled = tax == AutomaticTax::Disabled;
    json!({
        "disabled_reason": disabled.then_some("finalization_requires_location_inputs"),
        "enabled": on,
        "liability": on.then(|| json!({ "type": "self" })),
        "provider": on.then_some("stripe"),
        "status": on.then_some("complete"),
    })
}

/// Null for invoices of subscriptions. The paper size is fixed when the invoice is finalized.
fn rendering(invoice: &Invoice) -> Value {
    if invoice.reason != BillingReason::Manual {
        return Value::Null;
    }
    let size = if invoice.transitions.finalized.is_some() { "letter" } else { "auto" };
    json!({
        "amount_tax_display": null,
        "pdf": { "page_size": size },
        "template": null,
        "template_version": null,
    })
}

/// Returns the URL of a finalized invoice's page.
pub fn page_url(world: &World, invoice: &Invoice) -> Option<String> {
    invoice.transitions.finalized?;
    Some(format!("{}/i/{}.{}", world.settings.origin, invoice.id, invoice.token))
}

fn links(world: &World, invoice: &Invoice) -> Value {
    let page = page_url(world, invoice);
    let pdf = page.as_ref().map(|page| format!("{page}/pdf"));
    json!({ "hosted_invoice_url": page, "invoice_pdf": pdf })
}

fn parent(invoice: &Invoice) -> Value {
    let Some(subscription) = &invoice.subscription else { return Value::Null };
    let mut details =
        json!({ "metadata": invoice.subscription_metadata, "subscription": subscription });
    if let Some(date) = invoice.proration_date {
        details["subscription_proration_date"] = date.into();
    }
    json!({ "quote_details": null, "subscription_details": details, "type": "subscription_details" })
}
