//! `/v1/invoice_payments`.

use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, get, list};
use crate::endpoint::page;
use crate::model::invoice::{InvoicePayment, PaymentStatus};
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    list("/v1/invoice_payments", "invoice", "invoice_payment", index),
    get("/v1/invoice_payments/{}", "invoice", "invoice_payment", retrieve),
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    let (invoice, status) = (p.text("invoice")?, p.choice("status", PaymentStatus::NAMES)?);
    let intent = p.hash("payment", |inner| {
        let name = inner.name("type");
        inner
            .choice("type", &[("payment_intent", ()), ("payment_record", ())])?
            .ok_or_else(|| ApiError::missing_param(&name))?;
        inner.text("payment_intent")
    })?;
    call.begin()?;
    if let Some(invoice) = &invoice {
        find_param(call.world.invoices(), invoice, "invoice")?;
    }
    let intent = intent.flatten();
    let key = match (&invoice, &intent) {
        (Some(invoice), _) => format!("invoice={invoice}"),
        (None, Some(intent)) => format!("payment_intent={intent}"),
        (None, None) => "all".to_owned(),
    };
    let keep = |payment: &InvoicePayment| {
        created.holds(payment.created)
            && status.is_none_or(|status| payment.status == status)
            && intent.as_ref().is_none_or(|intent| payment.payment_intent == *intent)
    };
    call.list(&call.world.invoice_payments, &[key], &cursor, keep, |_, payment| to_json(payment))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.invoice_payments, &call.id()).map(to_json)
}

pub fn of_invoice(world: &World, invoice: &str) -> Value {
    let own = world.invoice_payments.under(&format!("invoice={invoice}")).rev();
    page::embedded(&format!("/v1/invoice_payments?invoice={invoice}"), own.map(to_json).collect())
}

pub fn to_json(payment: &InvoicePayment) -> Value {
    json!({
        "id": payment.id,
        "object": "invoice_payment",
        "amount_paid": payment.paid,
        "amount_requested": payment.requested,
        "created": payment.created,
        "currency": payment.currency.as_str(),
        "invoice": payment.invoice,
        "is_default": true,
        "livemode": false,
        "payment": { "payment_intent": payment.payment_intent, "type": "payment_intent" },
        "status": payment.status.as_str(),
        "status_transitions": { "canceled_at": payment.canceled_at, "paid_at": payment.paid_at },
    })
}
