//! Conversions of errors of the lower layers.

use super::{ApiError, Cause};
use crate::access::AccessError;
use crate::aws::secrets::SecretError;
use crate::aws::table::TableError;
use crate::billing::plan_change::{BadQuote, ChangeError, UnknownPlan};
use crate::stripe::{Refusal, StripeError};

/// Default of `Retry-After` under Stripe's rate limit, in seconds. Its limits count by the second.
const RATE_LIMIT_PAUSE: u32 = 1;

impl From<StripeError> for ApiError {
    /// A refusal that somebody can fix has a response of its own. Any other 4xx from Stripe faults our request, our
    /// key or our stored ID, so it becomes a 5xx. A handler that passes on an ID of the caller converts it itself.
    fn from(error: StripeError) -> Self {
        match Refusal::of(&error) {
            Some(Refusal::Payment(decline)) => return Self::PaymentFailed(Box::new(decline)),
            Some(Refusal::Authentication) => return Self::PaymentActionRequired { url: None },
            Some(Refusal::TaxLocation) => return Self::TaxLocationRequired,
            Some(Refusal::NotSold) => return Self::UnknownPlan { message: NOT_SOLD.to_owned() },
            Some(Refusal::Url(param)) => return not_a_url(param.field()),
            Some(Refusal::AlreadyCanceling) => return Self::AlreadyCanceling { cancel_at: None },
            Some(Refusal::NotConfigured(setting)) => {
                return Self::NotConfigured { setting, cause: Cause::from(error) };
            }
            // The account's record names the customer, not the caller.
            Some(Refusal::NoCustomer) | None => {}
        }
        match &error {
            StripeError::Refused { status: 429, retry_after, .. } => {
                let retry_after = retry_after.unwrap_or(RATE_LIMIT_PAUSE).max(1);
                Self::RateLimited { retry_after, cause: Cause::from(error) }
            }
            StripeError::Refused { status: 409 | 424 | 500.., .. }
            | StripeError::Unreachable { .. }
            | StripeError::NotKnown => Self::StripeUnavailable(Cause::from(error)),
            StripeError::Refused { .. }
            | StripeError::Malformed { .. }
            | StripeError::BadPath(_) => Self::Stripe(Cause::from(error)),
            // A refusal above.
            StripeError::NoTaxLocation => Self::TaxLocationRequired,
            StripeError::Deadline => Self::Timeout,
            StripeError::NoPermit => {
                Self::RateLimited { retry_after: RATE_LIMIT_PAUSE, cause: Cause::from(error) }
            }
            StripeError::Secret(_) | StripeError::Table(_) => Self::Unavailable(Cause::from(error)),
        }
    }
}

/// Message for a plan that was archived a moment ago.
const NOT_SOLD: &str =
    "This plan is not sold any more. GET /v1/billing/info lists the plans that are.";

fn not_a_url(field: &'static str) -> ApiError {
    ApiError::validation(
        field,
        format!("Stripe does not accept the URL in \"{field}\". Use another URL."),
    )
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NotConfigured(_) => Self::Internal(Cause::from(error)),
            SecretError::Unreadable { .. } | SecretError::Malformed { .. } => {
                Self::Unavailable(Cause::from(error))
            }
        }
    }
}

impl From<TableError> for ApiError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Unreachable(_) => Self::Unavailable(Cause::from(error)),
            TableError::Malformed { .. } => Self::Internal(Cause::from(error)),
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unauthenticated => Self::Unauthenticated,
            AccessError::StripeKeySent => Self::StripeKeySent,
            AccessError::InsufficientScope { required, granted } => {
                Self::InsufficientScope { required, granted }
            }
            AccessError::ActAsForbidden => Self::ActAsForbidden,
            AccessError::Table(error) => error.into(),
            AccessError::Secret(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoSubscription => Self::NoSubscription,
            ChangeError::NotChangeable(reason) => Self::NotChangeable(reason),
            ChangeError::AlreadyOnPlan => Self::AlreadyOnPlan,
            ChangeError::TooMany(retry_at) => {
                Self::TooManyChanges { retry_at: retry_at.date_time() }
            }
        }
    }
}

impl From<UnknownPlan> for ApiError {
    fn from(UnknownPlan { message }: UnknownPlan) -> Self {
        Self::UnknownPlan { message }
    }
}

impl From<BadQuote> for ApiError {
    fn from(bad: BadQuote) -> Self {
        match bad {
            BadQuote::Expired => Self::QuoteExpired,
            BadQuote::Invalid => {
                let message = "\"quote\" must be the quote of a preview for this account and this plan. Request a new preview.";
                Self::validation("quote", message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(status: u16, retry_after: Option<u32>) -> StripeError {
        StripeError::Refused {
            status,
            request_id: "req_1".to_owned(),
            retry_after,
            error: Box::default(),
        }
    }

    #[test]
    fn refusal_that_somebody_can_fix_has_its_own_response() {
        let refused = |error: serde_json::Value| StripeError::Refused {
            status: 400,
            request_id: "req_1".to_owned(),
            retry_after: None,
            error: Box::new(serde_json::from_value(error).expect("an error")),
        };
        let code = |code: &str| {
            refused(json!({ "type": "invalid_request_error", "code": code, "param": "return_url" }))
        };
        let cases = [
            (
                code("card_declined"),
                "payment_failed",
                json!({ "declineCode": null, "kind": "soft" }),
            ),
            (
                code("invoice_payment_intent_requires_action"),
                "payment_action_required",
                json!({ "url": null }),
            ),
            (
                code("customer_tax_location_invalid"),
                "tax_location_required",
                json!({ "flow": "customer_update" }),
            ),
            (code("product_inactive"), "unknown_plan", json!({ "field": "plan" })),
            (code("url_invalid"), "validation", json!({ "field": "returnUrl" })),
            (code("stripe_tax_inactive"), "not_configured", json!({ "setting": "tax" })),
            (code("resource_missing"), "stripe_error", serde_json::Value::Null),
        ];
        for (error, expected, details) in cases {
            let error = ApiError::from(error);
            assert_eq!((error.kind().1, error.details()), (expected, details));
        }
    }

    #[test]
    fn stripe_errors_become_the_contracts_errors() {
        let text = || "x".to_owned();
        let cases = [
            (refused(400, None), "stripe_error"),
            (refused(401, None), "stripe_error"),
            (refused(402, None), "stripe_error"),
            (refused(403, None), "stripe_error"),
            (refused(404, None), "stripe_error"),
            (refused(409, None), "stripe_unavailable"),
            (refused(424, None), "stripe_unavailable"),
            (refused(429, Some(3)), "rate_limited"),
            (refused(500, None), "stripe_unavailable"),
            (refused(503, None), "stripe_unavailable"),
            (StripeError::Malformed { request_id: text(), reason: text() }, "stripe_error"),
            (StripeError::Unreachable { reason: text() }, "stripe_unavailable"),
            (StripeError::Deadline, "timeout"),
            (StripeError::BadPath(text()), "stripe_error"),
            (
                StripeError::Secret(SecretError::Unreadable { id: text(), reason: text() }),
                "unavailable",
            ),
        ];
        for (error, code) in cases {
            let name = format!("{error:?}");
            assert_eq!(ApiError::from(error).kind().1, code, "{name}");
        }
    }
}
