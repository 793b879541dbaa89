//! `/v1/payment_intents`: the payment intents of invoices. The API only reads them.

use serde_json::{Value, json};

use super::json::{merge, set};
use super::{next_action_json, payment_method_json};
use crate::endpoint::call::{Call, Endpoint, get, list};
use crate::lifecycle::payments;
use crate::model::invoice::{IntentStatus, PaymentIntent};
use crate::values::errors::Result;
use crate::values::failures::Failure;
use crate::world::{World, check_filter, find};

pub const ENDPOINTS: &[Endpoint] = &[
    list("/v1/payment_intents", "payment_intent", "payment_intent", index),
    get("/v1/payment_intents/{}", "payment_intent", "payment_intent", retrieve),
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    call.params.not_imitated(&["customer_account"])?;
    let customer = call.params.text("customer")?;
    call.begin()?;
    let world = &*call.world;
    check_filter(&world.customers, customer.as_deref(), "customer")?;
    // The list without a customer omits objects on test clocks.
    let hidden = |intent: &PaymentIntent| {
        customer.is_none() && world.customer(&intent.customer).test_clock.is_some()
    };
    let keep = |intent: &PaymentIntent| created.holds(intent.created) && !hidden(intent);
    let key = customer.as_ref().map_or_else(|| "all".into(), |id| format!("customer={id}"));
    call.list(call.world.payment_intents(), &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.params.text("client_secret")?;
    call.begin()?;
    find(call.world.payment_intents(), &call.id()).map(|intent| to_json(call.world, intent))
}

pub fn to_json(world: &World, intent: &PaymentIntent) -> Value {
    let received = if intent.status == IntentStatus::Succeeded { intent.amount } else { 0 };
    let error =
        intent.last_error.as_ref().map(|(method, failure)| payment_error(world, method, failure));
    let method = intent.payment_method.as_ref().or(intent.last_error.as_ref().map(|(id, _)| id));
    let kind = method.and_then(|id| world.payment_methods.get(id));
    let kind = kind.map_or("card", |method| method.instrument.kind());
    let mut object = json!({
        "id": intent.id,
        "object": "payment_intent",
        "allowed_payment_method_types": null,
        "amount": intent.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": received,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.canceled_at.map(|_| "void_invoice"),
        "capture_method": "automatic",
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency.as_str(),
        "customer": intent.customer,
        "customer_account": null,
        "description": intent.description,
        "excluded_payment_method_types": null,
    });
    let rest = json!({
        "last_payment_error": error,
        "latest_charge": intent.charge,
        "livemode": false,
        "managed_payments": null,
        "metadata": {},
        "next_action": next_action_json::to_json(world, intent),
        "on_behalf_of": null,
        "payment_method": intent.payment_method,
        "payment_method_configuration_details": null,
        "payment_method_options": { kind: options(kind) },
        "payment_method_types": [kind],
        "payment_record": null,
        "processing": processing(intent, kind),
        "receipt_email": null,
        "review": null,
        "setup_future_usage": "off_session",
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": intent.status.as_str(),
        "transfer_data": null,
        "transfer_group": null,
    });
    merge(&mut object, rest);
    object
}

fn options(kind: &str) -> Value {
    match kind {
        "card" => json!({
            "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
        }),
        "us_bank_account" => json!({ "verification_method": "automatic" }),
        "boleto" | "konbini" | "oxxo" => json!({ "expires_after_days": 3 }),
        _ => json!({}),
    }
}

/// Stripe describes the processing of cards only.
fn processing(intent: &PaymentIntent, kind: &str) -> Value {
    if intent.status != IntentStatus::Processing || kind != "card" {
        return Value::Null;
    }
    let completes_at = intent.pending.map(|pending| pending.until);
    let notification = json!({ "approval_requested": false, "completes_at": completes_at });
    json!({ "type": "card", "card": { "customer_notification": notification } })
}

fn payment_error(world: &World, method: &str, failure: &Failure) -> Value {
    let doc_url = format!("https://stripe.com/docs/error-codes/{}", failure.code.replace('_', "-"));
    let mut object = json!({
        "type": failure.kind,
        "code": failure.code,
        "doc_url": doc_url,
        "message": failure.message,
        "payment_method": world.payment_methods.get(method).map(payment_method_json::to_json),
    });
    set(&mut object, "advice_code", failure.advice_code);
    set(&mut object, "decline_code", failure.decline_code);
    set(&mut object, "network_decline_code", failure.network_decline_code);
    object
}

/// Returns the secret with which a browser confirms the payment; null if the invoice has no payment
/// intent.
pub fn confirmation_secret(world: &World, invoice: &str) -> Value {
    payments::payment_intent_of(world, invoice).map_or(
        Value::Null,
        |intent| json!({ "client_secret": intent.client_secret, "type": "payment_intent" }),
    )
}
