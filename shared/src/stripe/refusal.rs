//! Refusals that a caller, a customer or an operator can fix, recognized by Stripe's codes and, where Stripe has no
//! code, by its message.
//!
//! Codes: <https://docs.stripe.com/error-codes>.

use super::decline::Decline;
use super::errors::{ErrorView, StripeError};
use super::views::PaymentError;

/// A refusal that somebody can fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The payment failed, or there is no payment method.
    Payment(Decline),
    /// The bank wants the customer to authenticate the payment.
    Authentication,
    /// Tax cannot be computed without the customer's address.
    TaxLocation,
    /// The price or its product is archived.
    NotSold,
    /// The customer was deleted.
    NoCustomer,
    /// Stripe does not accept this URL.
    Url(UrlParam),
    /// The subscription is set to end already.
    AlreadyCanceling,
    /// The Stripe account lacks a setting.
    NotConfigured(Setting),
}

/// The parameter of a refused URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlParam {
    Success,
    Cancel,
    Return,
}

/// A setting of the operator's Stripe account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The Billing Portal's configuration, or a feature in it.
    Portal,
    /// Stripe Tax.
    Tax,
    /// Payment methods, and the account's capability to charge.
    PaymentMethods,
    /// The amounts of the catalog, which Stripe has limits for.
    Amounts,
}

/// Codes of payments that fail because of the payment method.
const PAYMENT: [&str; 33] = [
    "account_closed",
    "account_number_invalid",
    "approval_required",
    "authentication_failure",
    "bank_account_declined",
    "bank_account_restricted",
    "bank_account_unusable",
    "bank_account_unverified",
    "billing_invalid_mandate",
    "card_decline_rate_limit_exceeded",
    "card_declined",
    "charge_exceeds_source_limit",
    "charge_exceeds_transaction_limit",
    "debit_not_authorized",
    "expired_card",
    "expired_payment_method",
    "incorrect_postal_code",
    "india_recurring_payment_mandate_canceled",
    "insufficient_funds",
    "no_account",
    "payment_intent_incompatible_payment_method",
    "payment_intent_mandate_invalid",
    "payment_intent_payment_attempt_expired",
    "payment_intent_payment_attempt_failed",
    "payment_method_bank_account_blocked",
    "payment_method_currency_mismatch",
    "payment_method_customer_decline",
    "payment_method_not_available",
    "payment_method_provider_decline",
    "payment_method_provider_timeout",
    "payment_method_restricted",
    "payment_method_unactivated",
    "sepa_unsupported_account",
];

/// Codes after which the customer has to authenticate. The first two are not in the SDKs' lists.
const AUTHENTICATION: [&str; 4] = [
    "subscription_payment_intent_requires_action",
    "invoice_payment_intent_requires_action",
    "payment_intent_action_required",
    "authentication_required",
];

impl Refusal {
    /// Reads an error; `None` if nobody but us can fix it.
    pub fn of(error: &StripeError) -> Option<Self> {
        let error = match error {
            StripeError::NoTaxLocation => return Some(Self::TaxLocation),
            StripeError::Refused { status: 400 | 402 | 404, error, .. } => error,
            _ => return None,
        };
        let code = error.code.as_deref().unwrap_or_default();
        if AUTHENTICATION.contains(&code) {
            return Some(Self::Authentication);
        }
        if error.kind == "card_error" || PAYMENT.contains(&code) {
            let ErrorView { code, decline_code, message, .. } = (**error).clone();
            return Some(Self::Payment(Decline::of(&PaymentError { code, decline_code, message })));
        }
        match code {
            "customer_tax_location_invalid" | "invalid_tax_location" => Some(Self::TaxLocation),
            "stripe_tax_inactive" => Some(Self::NotConfigured(Setting::Tax)),
            "product_inactive" => Some(Self::NotSold),
            "amount_too_large" | "amount_too_small" => Some(Self::NotConfigured(Setting::Amounts)),
            "capability_not_active" | "invoice_no_payment_method_types" => {
                Some(Self::NotConfigured(Setting::PaymentMethods))
            }
            "url_invalid" => UrlParam::of(error).map(Self::Url),
            _ => Self::by_message(error),
        }
    }

    /// Recognizes refusals without a code of their own.
    fn by_message(error: &ErrorView) -> Option<Self> {
        let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |text: &str| message.contains(text);
        let param = error.param.as_deref().unwrap_or_default();
        match () {
            () if says("no attached payment source") => {
                Some(Self::Payment(Decline::no_payment_method()))
            }
            () if says("no such customer") => Some(Self::NoCustomer),
            () if says("already set to be cancel") || says("already set to cancel") => {
                Some(Self::AlreadyCanceling)
            }
            () if says("portal configuration")
                || says("no configuration provided")
                || param.starts_with("configuration") =>
            {
                Some(Self::NotConfigured(Setting::Portal))
            }
            () if says("no valid payment method types") => {
                Some(Self::NotConfigured(Setting::PaymentMethods))
            }
            () if says("is inactive") || says("not active") => Some(Self::NotSold),
            () if says("not a valid url") => UrlParam::of(error).map(Self::Url),
            () => None,
        }
    }
}

impl UrlParam {
    fn of(error: &ErrorView) -> Option<Self> {
        match error.param.as_deref() {
            Some("success_url") => Some(Self::Success),
            Some("cancel_url") => Some(Self::Cancel),
            Some("return_url") => Some(Self::Return),
            _ => None,
        }
    }

    /// Returns the field of our requests.
    pub fn field(self) -> &'static str {
        match self {
            Self::Success => "successUrl",
            Self::Cancel => "cancelUrl",
            Self::Return => "returnUrl",
        }
    }
}

impl Setting {
    /// Returns the contract's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Tax => "tax",
            Self::PaymentMethods => "payment_methods",
            Self::Amounts => "amounts",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stripe::DeclineKind;

    fn refused(status: u16, error: &Value) -> StripeError {
        let error = Box::new(serde_json::from_value(error.clone()).expect("an error"));
        StripeError::Refused { status, request_id: "req_1".to_owned(), retry_after: None, error }
    }

    #[test]
    fn each_refusal_is_recognized() {
        let code = |code: &str| json!({ "type": "invalid_request_error", "code": code });
        let message =
            |message: &str| json!({ "type": "invalid_request_error", "message": message });
        let url = |param: &str| json!({ "type": "invalid_request_error", "code": "url_invalid", "param": param });
        let cases = [
            (400, code("customer_tax_location_invalid"), Some(Refusal::TaxLocation)),
            (400, code("stripe_tax_inactive"), Some(Refusal::NotConfigured(Setting::Tax))),
            (400, code("product_inactive"), Some(Refusal::NotSold)),
            (
                400,
                message("The price specified is inactive. This field only accepts active prices."),
                Some(Refusal::NotSold),
            ),
            (400, code("amount_too_small"), Some(Refusal::NotConfigured(Setting::Amounts))),
            (
                402,
                code("subscription_payment_intent_requires_action"),
                Some(Refusal::Authentication),
            ),
            (400, code("invoice_payment_intent_requires_action"), Some(Refusal::Authentication)),
            (404, message("No such customer: 'cus_1'"), Some(Refusal::NoCustomer)),
            (
                400,
                message("The subscription is already set to be canceled at period end."),
                Some(Refusal::AlreadyCanceling),
            ),
            (
                400,
                message(
                    "No configuration provided and your test mode default configuration has not been created.",
                ),
                Some(Refusal::NotConfigured(Setting::Portal)),
            ),
            (
                400,
                message(
                    "This subscription cannot be updated because the subscription cancel feature in the portal configuration is disabled.",
                ),
                Some(Refusal::NotConfigured(Setting::Portal)),
            ),
            (
                404,
                json!({ "type": "invalid_request_error", "code": "resource_missing", "param": "configuration", "message": "No such configuration: 'bpc_1'" }),
                Some(Refusal::NotConfigured(Setting::Portal)),
            ),
            (
                400,
                message("No valid payment method types for this Checkout Session."),
                Some(Refusal::NotConfigured(Setting::PaymentMethods)),
            ),
            (400, url("success_url"), Some(Refusal::Url(UrlParam::Success))),
            (400, url("return_url"), Some(Refusal::Url(UrlParam::Return))),
            (400, url("line_items"), None),
            (400, code("parameter_unknown"), None),
            (
                400,
                json!({ "type": "invalid_request_error", "code": "resource_missing", "message": "No such price: 'price_1'" }),
                None,
            ),
            (401, message("No such customer"), None),
            (429, code("lock_timeout"), None),
            (500, code("product_inactive"), None),
        ];
        for (status, error, expected) in cases {
            assert_eq!(Refusal::of(&refused(status, &error)), expected, "{status} {error}");
        }
    }

    #[test]
    fn preview_without_tax_is_a_missing_address() {
        assert_eq!(Refusal::of(&StripeError::NoTaxLocation), Some(Refusal::TaxLocation));
    }

    #[test]
    fn each_failed_payment_is_a_decline() {
        let kind = |status, error: Value| match Refusal::of(&refused(status, &error)) {
            Some(Refusal::Payment(decline)) => Some(decline.kind),
            _ => None,
        };
        for code in PAYMENT {
            let error = json!({ "type": "invalid_request_error", "code": code });
            assert!(kind(400, error).is_some(), "{code}");
        }
        let card =
            json!({ "type": "card_error", "code": "card_declined", "decline_code": "lost_card" });
        assert_eq!(kind(402, card), Some(DeclineKind::Hard));
        let none = json!({ "type": "invalid_request_error", "code": "resource_missing", "message": "This customer has no attached payment source or default payment method." });
        assert_eq!(kind(400, none), Some(DeclineKind::Hard));
    }
}
