//! Errors that several requests return.

use crate::model::invoice::Invoice;
use crate::values::errors::{ApiError, Result};
use crate::values::failures::Failure;
use crate::values::money::Currency;

pub fn no_payment_method() -> ApiError {
    ApiError::invalid(
        "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .code("resource_missing")
}

pub fn declined(failure: Failure) -> ApiError {
    let mut error = ApiError::card(failure.code, failure.message);
    for (key, value) in [
        ("decline_code", failure.decline_code),
        ("advice_code", failure.advice_code),
        ("network_decline_code", failure.network_decline_code),
    ] {
        if let Some(value) = value {
            error = error.field(key, value.into());
        }
    }
    error
}

/// Error of `error_if_incomplete` for a payment that requires authentication.
pub fn subscription_requires_action() -> ApiError {
    ApiError::card(
        "subscription_payment_intent_requires_action",
        "Payment for this subscription requires additional user action, but the requested payment behavior doesn't save the invoice or PaymentIntent. Retry the request with `payment_behavior=allow_incomplete` or `payment_behavior=default_incomplete`, then complete the PaymentIntent on the subscription's latest invoice. Additional information is available here: https://stripe.com/docs/billing/subscriptions/overview#requires-action",
    )
}

pub fn invoice_requires_action() -> ApiError {
    ApiError::card(
        "invoice_payment_intent_requires_action",
        "Payment for this invoice requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with `invoice`. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action",
    )
}

pub fn other_currency(fixed: Currency) -> ApiError {
    ApiError::invalid(format!(
        "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency {fixed}."
    ))
}

pub fn managed_by_schedule(schedule: &str) -> ApiError {
    ApiError::invalid(format!(
        "The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead."
    ))
}

/// Maximum amount of a charge in minor units: twelve digits.
const MAX_AMOUNT: i64 = 999_999_999_999;

/// Returns an error if the amount due exceeds the maximum.
pub fn check_amount(invoice: &Invoice) -> Result<()> {
    if invoice.amount_due <= MAX_AMOUNT {
        return Ok(());
    }
    let amount = invoice.currency.format(MAX_AMOUNT.into());
    Err(ApiError::invalid(format!("Amount must be no more than {amount}")).code("amount_too_large"))
}
