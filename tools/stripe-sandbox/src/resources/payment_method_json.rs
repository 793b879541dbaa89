//! JSON of payment methods.

use serde_json::{Value, json};

use crate::model::customer::PaymentMethod;
use crate::values::accounts::{AccountKind, TestAccount};
use crate::values::cards::TestCard;
use crate::values::instruments::Instrument;

pub fn to_json(method: &PaymentMethod) -> Value {
    let kind = method.instrument.kind();
    let mut object = json!({
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
        "created": method.created,
        "customer": method.customer,
        "customer_account": null,
        "livemode": false,
        "metadata": method.metadata,
        "type": kind,
    });
    object[kind] = match method.instrument {
        Instrument::Card(card) => card_hash(card),
        Instrument::Account(account) => account_hash(account),
    };
    object
}

fn card_hash(card: TestCard) -> Value {
    let spec = card.spec();
    json!({
        "brand": spec.brand,
        "checks": null,
        "country": "US",
        "display_brand": spec.brand,
        "exp_month": 12,
        "exp_year": 2040,
        "fingerprint": format!("fp_{}", spec.number),
        "funding": spec.funding,
        "generated_from": null,
        "last4": card.last4(),
        "networks": null,
        "regulated_status": "unregulated",
        "three_d_secure_usage": { "supported": true },
        "wallet": null,
    })
}

fn account_hash(account: TestAccount) -> Value {
    let spec = account.spec();
    let fingerprint = format!("fp_{}_{}", spec.kind.as_str(), spec.last4);
    match spec.kind {
        AccountKind::AcssDebit => json!({
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": fingerprint,
            "institution_number": "000",
            "last4": spec.last4,
            "transit_number": "11000",
        }),
        AccountKind::AuBecsDebit => json!({
            "bsb_number": "000000",
            "fingerprint": fingerprint,
            "last4": spec.last4,
        }),
        AccountKind::BacsDebit => json!({
            "fingerprint": fingerprint,
            "last4": spec.last4,
            "sort_code": "108800",
        }),
        AccountKind::SepaDebit => json!({
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "fingerprint": fingerprint,
            "generated_from": null,
            "last4": spec.last4,
        }),
        AccountKind::UsBankAccount => json!({
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": null,
            "fingerprint": fingerprint,
            "last4": spec.last4,
            "networks": { "preferred": "ach", "supported": ["ach"] },
            "routing_number": "110000000",
            "status_details": null,
        }),
        AccountKind::Boleto => json!({ "tax_id": "000.000.000-00" }),
        AccountKind::Ideal => json!({ "bank": null, "bic": null }),
        AccountKind::CustomerBalance
        | AccountKind::Konbini
        | AccountKind::Multibanco
        | AccountKind::Oxxo => json!({}),
    }
}
