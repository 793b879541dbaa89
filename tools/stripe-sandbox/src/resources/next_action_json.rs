//! JSON of the action that a payment intent requires of the customer.
//!
//! <https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action>

use serde_json::{Value, json};

use super::invoice_json::page_url;
use crate::lifecycle::payments;
use crate::model::invoice::{IntentStatus, PaymentIntent};
use crate::values::accounts::AccountKind;
use crate::values::instruments::Instrument;
use crate::world::World;

pub fn to_json(world: &World, intent: &PaymentIntent) -> Value {
    if intent.status != IntentStatus::RequiresAction {
        return Value::Null;
    }
    let method = intent.payment_method.as_ref().and_then(|id| world.payment_methods.get(id));
    let (kind, details) = match method.map(|method| method.instrument) {
        Some(Instrument::Account(account)) => instructions(world, intent, account.spec().kind),
        _ => ("use_stripe_sdk", json!({ "type": "three_d_secure_redirect" })),
    };
    json!({ "type": kind, kind: details })
}

fn instructions(world: &World, intent: &PaymentIntent, kind: AccountKind) -> (&'static str, Value) {
    // The invoice's page shows the instructions.
    let page = payments::invoice_of(world, &intent.id)
        .and_then(|id| page_url(world, world.invoices().get(&id)?));
    let until = intent.pending.map(|pending| pending.until);
    match kind {
        AccountKind::Boleto => (
            "boleto_display_details",
            json!({
                "expires_at": until,
                "hosted_voucher_url": page,
                "number": "01010101010101010101010101010101010101010101010",
                "pdf": page.as_ref().map(|page| format!("{page}/pdf")),
            }),
        ),
        AccountKind::CustomerBalance => {
            ("display_bank_transfer_instructions", transfer(intent, page.as_deref()))
        }
        AccountKind::Konbini => (
            "konbini_display_details",
            json!({ "expires_at": until, "hosted_voucher_url": page, "stores": konbini_stores() }),
        ),
        AccountKind::Multibanco => (
            "multibanco_display_details",
            json!({
                "entity": "12345",
                "expires_at": until,
                "hosted_voucher_url": page,
                "reference": "123456789",
            }),
        ),
        AccountKind::Oxxo => (
            "oxxo_display_details",
            json!({
                "expires_after": until,
                "hosted_voucher_url": page,
                "number": "12345678901234657890123456789012",
            }),
        ),
        // Debits are confirmed without the customer.
        AccountKind::Ideal
        | AccountKind::AcssDebit
        | AccountKind::AuBecsDebit
        | AccountKind::BacsDebit
        | AccountKind::SepaDebit
        | AccountKind::UsBankAccount => {
            let url = page.as_ref().map(|page| format!("{page}/authenticate"));
            ("redirect_to_url", json!({ "return_url": page, "url": url }))
        }
    }
}

fn konbini_stores() -> Value {
    let store = json!({ "confirmation_number": "400008", "payment_code": "000000000000" });
    json!({ "familymart": store, "lawson": store, "ministop": store, "seicomart": store })
}

fn transfer(intent: &PaymentIntent, page: Option<&str>) -> Value {
    let address = json!({
        "city": "South San Francisco",
        "country": "US",
        "line1": "354 Oyster Point Blvd",
        "line2": null,
        "postal_code": "94080",
        "state": "CA",
    });
    let account = json!({
        "account_holder_address": address,
        "account_holder_name": "stripe-sandbox",
        "account_number": "11119987600453127",
        "account_type": "checking",
        "bank_address": address,
        "bank_name": "STRIPE TEST BANK",
        "routing_number": "999999999",
    });
    json!({
        "amount_remaining": intent.amount,
        "currency": intent.currency.as_str(),
        "financial_addresses": [
            { "type": "aba", "aba": account, "supported_networks": ["ach", "domestic_wire_us"] },
        ],
        "hosted_instructions_url": page,
        "reference": intent.id.trim_start_matches("pi_"),
        "type": "us_bank_transfer",
    })
}
