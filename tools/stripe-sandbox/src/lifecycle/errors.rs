//! Errors that several requests return.

use crate::model::invoice::Invoice;
use crate::values::cards::Failure;
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;

pub fn no_payment_method() -> ApiError {
    ApiError::invalid(
        "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .code("resource_missing")
}

pub fn declined(failure: Failure) -> ApiError {
    let mut error = ApiError::card(failure.code, failure.message);
    for (key, value) in
        [("decline_code", failure.decline_code), ("advice_code", failure.advice_code)]
    {
        if let Some(value) = value {
            error = error.field(key, value.into());
        }
    }
    error
}

pub fn requires_action(what: &str) -> ApiError {
    let intent = if what == "subscription" { "subscription.latest_invoice" } else { "invoice" };
    let message = format!(
        "Payment for this {what} requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with `{intent}`. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action"
    );
    ApiError::card(&format!("{what}_payment_intent_requires_action"), message)
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
