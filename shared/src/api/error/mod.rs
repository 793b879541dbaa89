//! The error type of handlers, and its conversion into HTTP.
//!
//! The caller's message (`Display`) and the logged cause have different types, so that neither can take
//! the other's place.

mod advice;
mod from;

use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::billing::subscription::NotChangeable;
use crate::stripe::{Decline, StripeError};
use crate::values::Scope;

/// The cause of a failure, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failed request in the contract's terms. `Display` is the caller's message.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(
        "The API key is missing or invalid. Send `Authorization: Bearer <key>` with a key that is neither expired nor revoked."
    )]
    Unauthenticated,
    #[error(
        "This endpoint needs a key with the scope \"{required}\", and yours has \"{granted}\". Use another key, or ask an administrator for one."
    )]
    InsufficientScope { required: Scope, granted: Scope },
    #[error(
        "Your account may not act for that account, or it does not exist. Set X-Cantila-Act-As to the handle or ID of one of your own sub-accounts."
    )]
    ActAsForbidden,
    #[error(
        "The body is not valid JSON. Send a JSON object with `content-type: application/json`."
    )]
    MalformedBody,
    #[error("The body is too large. Send at most {longest} bytes.")]
    BodyTooLarge { longest: usize },
    #[error("The body must be JSON. Send `content-type: application/json`.")]
    UnsupportedMediaType,
    /// A field, header or query parameter is wrong. The message says how to correct it.
    #[error("{message}")]
    Validation { field: String, message: String },
    /// The message lists the plans, or names the contact.
    #[error("{message}")]
    UnknownPlan { message: String },
    #[error(
        "\"{field}\" is outside the allowed origins. Use a URL of an allowed origin, or ask the operator to add this one to ALLOWED_ORIGINS."
    )]
    UrlNotAllowed { field: &'static str },
    #[error(
        "The first request with this Idempotency-Key is still running. Retry in a second to get its response."
    )]
    IdempotencyInProgress,
    #[error(
        "This Idempotency-Key was used for another request within the last 24 hours. Use a new key for a new request."
    )]
    IdempotencyKeyReused,
    #[error(
        "There is no subscription to change. Start one with POST /v1/billing/checkout-session."
    )]
    NoSubscription,
    #[error("There is a subscription already. Change it with POST /v1/billing/plan-change.")]
    AlreadySubscribed,
    #[error("This plan at this price is the current one. There is nothing to change.")]
    AlreadyOnPlan,
    #[error("{}", advice::of(*.0))]
    NotChangeable(NotChangeable),
    /// The new preview, as the preview endpoint returns it.
    #[error(
        "The amount has changed since it was quoted, and nothing was charged. Show the new preview in `details.preview`, and confirm with its quote."
    )]
    QuoteChanged { preview: Box<Value> },
    #[error(
        "The quote is older than 15 minutes. Request a new preview, and confirm with its quote."
    )]
    QuoteExpired,
    #[error("The payment was declined: {} Nothing was changed and nothing is owed. Add another payment method (POST /v1/billing/portal-session), then retry.", .0.message)]
    PaymentFailed(Box<Decline>),
    #[error(
        "The bank requires the customer to authenticate the payment. Send the customer to `details.url`. The change applies after the authentication."
    )]
    PaymentActionRequired { url: Option<String> },
    /// Stripe's rate limit, after retries. `retry_after` is in seconds.
    #[error("There are too many requests. Retry in {retry_after} s.")]
    RateLimited { retry_after: u32, cause: Cause },
    #[error(
        "Stripe rejected this request. You cannot fix this; contact support with the request ID."
    )]
    Stripe(#[source] Cause),
    #[error(
        "Stripe could not be reached, or its response was unclear. Retry in a few seconds. Reuse the Idempotency-Key of a request that changes something, so that it cannot apply twice."
    )]
    StripeUnavailable(#[source] Cause),
    #[error("A service that this API depends on could not be reached. Retry in a few seconds.")]
    Unavailable(#[source] Cause),
    #[error("The request timed out. Retry it; reuse its Idempotency-Key if it changes something.")]
    Timeout,
    #[error("Internal error. Retry; if it persists, contact support with the request ID.")]
    Internal(#[source] Cause),
}

/// Default of `Retry-After` in seconds.
const RETRY_SOON: u32 = 2;

impl ApiError {
    /// Creates a `validation` error of a field or parameter. `message` says how to correct it.
    pub fn validation(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation { field: field.into(), message: message.into() }
    }

    pub(super) fn details(&self) -> Value {
        match self {
            Self::InsufficientScope { required, granted } => {
                json!({ "required": required.as_str(), "granted": granted.as_str() })
            }
            Self::Validation { field, .. } => json!({ "field": field }),
            Self::UnknownPlan { .. } => json!({ "field": "plan" }),
            Self::UrlNotAllowed { field } => json!({ "field": field }),
            Self::NotChangeable(reason) => json!({ "reason": reason }),
            Self::QuoteChanged { preview } => json!({ "preview": preview }),
            Self::PaymentFailed(decline) => {
                json!({ "declineCode": decline.decline_code, "kind": decline.kind })
            }
            Self::PaymentActionRequired { url } => json!({ "url": url }),
            _ => Value::Null,
        }
    }

    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthenticated => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            Self::IdempotencyInProgress => vec![(RETRY_AFTER, 1.into())],
            Self::RateLimited { retry_after, .. } => vec![(RETRY_AFTER, (*retry_after).into())],
            Self::StripeUnavailable(_) | Self::Unavailable(_) => {
                vec![(RETRY_AFTER, RETRY_SOON.into())]
            }
            _ => Vec::new(),
        }
    }

    /// Returns whether Stripe responded with a 5xx, which it stores for the idempotency key and replays.
    pub(crate) fn is_stored_by_stripe(&self) -> bool {
        matches!(self.stripe(), Some(StripeError::Refused { status: 500.., .. }))
    }

    /// Returns whether Stripe refused our request as invalid, for example because an item was removed.
    pub fn is_bad_request_to_stripe(&self) -> bool {
        matches!(self, Self::Stripe(_)) && self.stripe().and_then(StripeError::status) == Some(400)
    }

    fn stripe(&self) -> Option<&StripeError> {
        self.cause()?.downcast_ref()
    }

    /// Returns the cause, for the log.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::RateLimited { cause, .. }
            | Self::Stripe(cause)
            | Self::StripeUnavailable(cause)
            | Self::Unavailable(cause)
            | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }
}

/// The table of statuses and codes. A variant without a row does not compile.
macro_rules! kinds {
    ($($variant:pat => $status:ident $code:literal;)*) => {
        impl ApiError {
            /// All statuses and codes.
            pub const KINDS: &[(StatusCode, &'static str)] = &[$((StatusCode::$status, $code)),*];

            /// Returns the status and the machine-readable code.
            pub fn kind(&self) -> (StatusCode, &'static str) {
                match self {
                    $($variant => (StatusCode::$status, $code),)*
                }
            }
        }
    };
}

kinds! {
    Self::Unauthenticated => UNAUTHORIZED "unauthenticated";
    Self::InsufficientScope { .. } => FORBIDDEN "insufficient_scope";
    Self::ActAsForbidden => FORBIDDEN "act_as_forbidden";
    Self::MalformedBody => BAD_REQUEST "malformed_body";
    Self::BodyTooLarge { .. } => PAYLOAD_TOO_LARGE "body_too_large";
    Self::UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    Self::Validation { .. } => UNPROCESSABLE_ENTITY "validation";
    Self::UnknownPlan { .. } => UNPROCESSABLE_ENTITY "unknown_plan";
    Self::UrlNotAllowed { .. } => UNPROCESSABLE_ENTITY "url_not_allowed";
    Self::IdempotencyInProgress => CONFLICT "idempotency_in_progress";
    Self::IdempotencyKeyReused => UNPROCESSABLE_ENTITY "idempotency_key_reused";
    Self::NoSubscription => CONFLICT "no_subscription";
    Self::AlreadySubscribed => CONFLICT "already_subscribed";
    Self::AlreadyOnPlan => CONFLICT "already_on_plan";
    Self::NotChangeable(_) => CONFLICT "subscription_not_changeable";
    Self::QuoteChanged { .. } => CONFLICT "quote_changed";
    Self::QuoteExpired => GONE "quote_expired";
    Self::PaymentFailed(_) => PAYMENT_REQUIRED "payment_failed";
    Self::PaymentActionRequired { .. } => PAYMENT_REQUIRED "payment_action_required";
    Self::RateLimited { .. } => TOO_MANY_REQUESTS "rate_limited";
    Self::Stripe(_) => BAD_GATEWAY "stripe_error";
    Self::StripeUnavailable(_) => SERVICE_UNAVAILABLE "stripe_unavailable";
    Self::Unavailable(_) => SERVICE_UNAVAILABLE "unavailable";
    Self::Timeout => GATEWAY_TIMEOUT "timeout";
    Self::Internal(_) => INTERNAL_SERVER_ERROR "internal";
}

#[cfg(test)]
mod tests;
