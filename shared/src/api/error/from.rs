//! Conversions of errors of the lower layers.

use super::{ApiError, Cause};
use crate::access::AccessError;
use crate::aws::secrets::SecretError;
use crate::aws::table::TableError;
use crate::billing::plan_change::{BadQuote, ChangeError, UnknownPlan};
use crate::stripe::StripeError;

/// Default of `Retry-After` under Stripe's rate limit, in seconds. Its limits count by the second.
const RATE_LIMIT_PAUSE: u32 = 1;

impl From<StripeError> for ApiError {
    /// A 4xx from Stripe faults our request, our key or our stored ID, so it becomes a 5xx. A handler
    /// that passes on an ID of the caller converts it itself.
    fn from(error: StripeError) -> Self {
        match &error {
            StripeError::Refused { status: 429, retry_after, .. } => {
                let retry_after = retry_after.unwrap_or(RATE_LIMIT_PAUSE).max(1);
                Self::RateLimited { retry_after, cause: Cause::from(error) }
            }
            StripeError::Refused { status: 409 | 424 | 500.., .. }
            | StripeError::Unreachable { .. } => Self::StripeUnavailable(Cause::from(error)),
            StripeError::Refused { .. }
            | StripeError::Malformed { .. }
            | StripeError::BadPath(_) => Self::Stripe(Cause::from(error)),
            StripeError::Deadline => Self::Timeout,
            StripeError::Secret(_) => Self::Unavailable(Cause::from(error)),
        }
    }
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
