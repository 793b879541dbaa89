//! JSON of charges. They occur in events only; no endpoint returns them.

use serde_json::{Value, json};

use super::json::merge;
use super::payment_method_json;
use crate::model::customer::PaymentMethod;
use crate::model::invoice::{IntentStatus, PaymentIntent};
use crate::values::period::Timestamp;
use crate::world::World;

/// Returns the payment intent's last charge, or None if there is none.
pub fn last_charge(world: &World, intent: &PaymentIntent, created: Timestamp) -> Option<Value> {
    let id = intent.charge.as_ref()?;
    let paid = intent.status == IntentStatus::Succeeded;
    let failure = intent.last_error.as_ref().map(|(_, failure)| failure);
    let failed_method = intent.last_error.as_ref().map(|(method, _)| method);
    let method = intent.payment_method.as_ref().or(failed_method);
    let details = method.and_then(|id| world.payment_methods.get(id)).map(method_details);
    let pending = intent.status == IntentStatus::Processing;
    let mut object = json!({
        "id": id,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": if paid { intent.amount } else { 0 },
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
        "calculated_statement_descriptor": null,
        "captured": paid,
        "created": created,
        "currency": intent.currency.as_str(),
        "customer": intent.customer,
        "description": intent.description,
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": failure.map(|failure| failure.code),
        "failure_message": failure.map(|failure| failure.message),
        "fraud_details": {},
        "livemode": false,
        "metadata": {},
        "on_behalf_of": null,
        "outcome": {
            "advice_code": failure.and_then(|failure| failure.advice_code),
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": if paid { "approved_by_network" } else { "declined_by_network" },
            "reason": failure.and_then(|failure| failure.decline_code),
            "seller_message": if paid { "Payment complete." } else { "The bank declined the payment." },
            "type": if paid { "authorized" } else { "issuer_declined" },
        },
        "paid": paid,
        "payment_intent": intent.id,
        "payment_method": method,
    });
    let rest = json!({
        "payment_method_details": details,
        "receipt_email": null,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": match () {
            () if paid => "succeeded",
            () if pending => "pending",
            () => "failed",
        },
        "transfer_data": null,
        "transfer_group": null,
    });
    merge(&mut object, rest);
    Some(object)
}

fn method_details(method: &PaymentMethod) -> Value {
    let method = payment_method_json::to_json(method);
    let kind = method["type"].as_str().unwrap_or_default();
    let own = &method[kind];
    let own = if kind == "card" { card_details(own) } else { own.clone() };
    json!({ kind: own, "type": kind })
}

fn card_details(card: &Value) -> Value {
    json!({
        "amount_authorized": null,
        "authorization_code": null,
        "brand": card["brand"],
        "checks": null,
        "country": card["country"],
        "electronic_commerce_indicator": null,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "installments": null,
        "last4": card["last4"],
        "mandate": null,
        "network": card["brand"],
        "network_transaction_id": null,
        "regulated_status": "unregulated",
        "three_d_secure": null,
        "transaction_link_id": null,
        "wallet": null,
    })
}
