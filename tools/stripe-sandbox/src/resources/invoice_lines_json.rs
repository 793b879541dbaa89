//! JSON of invoice lines.

use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::endpoint::page;
use crate::model::customer::TaxExempt;
use crate::model::invoice::{Invoice, Line, LineTax, Origin};

pub fn lines(invoice: &Invoice) -> Vec<Value> {
    invoice.lines.iter().map(|line| to_json(invoice, line)).collect()
}

pub fn embedded(invoice: &Invoice) -> Value {
    page::embedded(&url(invoice), lines(invoice))
}

pub fn url(invoice: &Invoice) -> String {
    format!("/v1/invoices/{}/lines", invoice.id)
}

fn to_json(invoice: &Invoice, line: &Line) -> Value {
    json!({
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice.currency.as_str(),
        "description": line.description,
        "discount_amounts": discount_amounts(&line.discount_amounts),
        "discountable": line.discountable,
        "discounts": line.item_discounts,
        "invoice": invoice.id,
        "livemode": false,
        "metadata": line.metadata,
        "parent": parent(line),
        "period": { "end": line.period.1, "start": line.period.0 },
        "pretax_credit_amounts": [],
        "pricing": pricing(line),
        "quantity": line.quantity.and_then(|quantity| quantity.trunc().to_u64()),
        "quantity_decimal": line.quantity.map(|quantity| quantity.normalize().to_string()),
        "subtotal": line.amount,
        "taxes": taxes(&line.taxes, invoice.tax_exempt),
    })
}

pub fn pricing(line: &Line) -> Value {
    let unit = line.unit.map(|unit| unit.normalize().to_string());
    match &line.price {
        None => Value::Null,
        Some((price, product)) => json!({
            "price_details": { "price": price, "product": product },
            "type": "price_details",
            "unit_amount_decimal": unit,
        }),
    }
}

fn parent(line: &Line) -> Value {
    let credited = line
        .credited
        .as_ref()
        .map(|(invoice, lines)| json!({ "invoice": invoice, "invoice_line_items": lines }));
    let details = json!({ "credited_items": credited });
    match &line.origin {
        Origin::SubscriptionItem { subscription, item, invoice_item } => json!({
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": invoice_item,
                "proration": line.proration,
                "proration_details": details,
                "subscription": subscription,
                "subscription_item": item,
            },
            "type": "subscription_item_details",
        }),
        Origin::InvoiceItem { invoice_item, subscription } => json!({
            "invoice_item_details": {
                "invoice_item": invoice_item,
                "proration": line.proration,
                "proration_details": details,
                "subscription": subscription,
            },
            "subscription_item_details": null,
            "type": "invoice_item_details",
        }),
    }
}

pub fn discount_amounts(amounts: &[(String, i64)]) -> Vec<Value> {
    amounts
        .iter()
        .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
        .collect()
}

pub fn taxes(taxes: &[LineTax], exempt: TaxExempt) -> Vec<Value> {
    let reason = match exempt {
        TaxExempt::None => "standard_rated",
        TaxExempt::Exempt => "customer_exempt",
        TaxExempt::Reverse => "reverse_charge",
    };
    let tax = |tax: &LineTax| {
        json!({
            "amount": tax.amount,
            "tax_behavior": if tax.inclusive { "inclusive" } else { "exclusive" },
            "tax_rate_details": { "tax_rate": tax.rate },
            "taxability_reason": reason,
            "taxable_amount": if exempt == TaxExempt::None { tax.taxable } else { 0 },
            "type": "tax_rate_details",
        })
    };
    taxes.iter().map(tax).collect()
}
