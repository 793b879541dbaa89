//! Checks that async-stripe's generated types can read every object of the sandbox.

use miniserde::Deserialize;
use serde_json::Value;
use stripe_types::List;

fn reads<T: Deserialize>(json: &str) -> bool {
    miniserde::json::from_str::<T>(json).is_ok()
}

/// Reads the value, and every object in it, with the type that its `object` names.
#[track_caller]
pub fn check(value: &Value) {
    match value {
        Value::Array(entries) => entries.iter().for_each(check),
        Value::Object(fields) => {
            fields.values().for_each(check);
            if let Some(kind) = fields.get("object").and_then(Value::as_str) {
                assert!(
                    is_readable(kind, value),
                    "async-stripe cannot read this {kind}: {value:#}"
                );
            }
        }
        _ => {}
    }
}

#[track_caller]
pub fn check_error(value: &Value) {
    let error = &value["error"];
    assert!(
        reads::<stripe_shared::ApiErrors>(&error.to_string()),
        "async-stripe cannot read this error: {value:#}"
    );
}

fn is_readable(kind: &str, value: &Value) -> bool {
    let json = value.to_string();
    if value["deleted"] == true {
        return value["id"].is_string();
    }
    match kind {
        "billing.meter" => reads::<stripe_billing::BillingMeter>(&json),
        "billing.meter_event" => reads::<stripe_billing::BillingMeterEvent>(&json),
        "billing.meter_event_summary" => reads::<stripe_billing::BillingMeterEventSummary>(&json),
        "billing_portal.configuration" => {
            reads::<stripe_billing::BillingPortalConfiguration>(&json)
        }
        "billing_portal.session" => reads::<stripe_billing::BillingPortalSession>(&json),
        "charge" => reads::<stripe_shared::Charge>(&json),
        "checkout.session" => reads::<stripe_shared::CheckoutSession>(&json),
        "coupon" => reads::<stripe_shared::Coupon>(&json),
        "customer" => reads::<stripe_shared::Customer>(&json),
        "customer_balance_transaction" => reads::<stripe_shared::CustomerBalanceTransaction>(&json),
        "discount" => reads::<stripe_shared::Discount>(&json),
        "event" => reads::<stripe_shared::Event>(&json),
        "invoice" => reads::<stripe_shared::Invoice>(&json),
        "invoice_payment" => reads::<stripe_shared::InvoicePayment>(&json),
        "invoiceitem" => reads::<stripe_billing::InvoiceItem>(&json),
        "item" => reads::<stripe_shared::CheckoutSessionItem>(&json),
        "line_item" => reads::<stripe_shared::InvoiceLineItem>(&json),
        "list" => is_readable_list(value),
        "payment_intent" => reads::<stripe_shared::PaymentIntent>(&json),
        "payment_method" => reads::<stripe_shared::PaymentMethod>(&json),
        "plan" => reads::<stripe_shared::Plan>(&json),
        "price" => reads::<stripe_shared::Price>(&json),
        "product" => reads::<stripe_shared::Product>(&json),
        "promotion_code" => reads::<stripe_shared::PromotionCode>(&json),
        "subscription" => reads::<stripe_shared::Subscription>(&json),
        "subscription_schedule" => reads::<stripe_shared::SubscriptionSchedule>(&json),
        "subscription_item" => reads::<stripe_shared::SubscriptionItem>(&json),
        "tax_rate" => reads::<stripe_shared::TaxRate>(&json),
        "test_helpers.test_clock" => reads::<stripe_shared::TestHelpersTestClock>(&json),
        other => panic!("the sandbox sends an object that no type is known for: {other}"),
    }
}

/// The elements have been checked already; this checks the list itself.
fn is_readable_list(value: &Value) -> bool {
    let mut list = value.clone();
    list["data"] = Value::Array(Vec::new());
    reads::<List<stripe_shared::Invoice>>(&list.to_string())
}
