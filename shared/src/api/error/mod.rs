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
use crate::stripe::{Decline, Setting, StripeError};
use crate::values::{Date, DateTime, Scope};

/// The cause of a failure, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failed request in the contract's terms. `Display` is the caller's message.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(
        "The API key is missing or invalid. Send `Authorization: Bearer <key>` with a key that is neither expired nor revoked."
    )]
    Unauthenticated,
    /// The bearer token has the form of a key of Stripe's.
    #[error(
        "That is a key of Stripe's, not of this API. Send `Authorization: Bearer <key>` with an API key of your account. Unless it was a publishable key, replace it in Stripe's dashboard: it has left your system."
    )]
    StripeKeySent,
    #[error(
        "This endpoint needs a key with the scope \"{required}\", and yours has \"{granted}\". Use another key, or ask an administrator for one."
    )]
    InsufficientScope { required: Scope, granted: Scope },
    #[error(
        "Your account may not act for that account, or it does not exist. Set X-Cantila-Act-As to the handle or ID of one of your own sub-accounts."
    )]
    ActAsForbidden,
    /// One error for IDs of other accounts and for IDs of nothing.
    #[error("There is no such object of this account. Check the ID in the path.")]
    NotFound,
    /// Line and column count from 1; the column in bytes.
    #[error(
        "The body is not valid JSON (line {line}, column {column}). Send a JSON object with `content-type: application/json`."
    )]
    MalformedBody { line: usize, column: usize },
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
        "Another change of this customer's plan is running. Retry in a second; request a new preview first if its price matters."
    )]
    ChangeInProgress,
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
    #[error(
        "No change of the plan and no cancellation is pending. There is nothing to drop; GET /v1/billing/summary shows the subscription."
    )]
    NoPendingChange,
    #[error("{}", advice::of(*.0))]
    NotChangeable(NotChangeable),
    /// The plan was changed too often until then.
    #[error(
        "The plan was changed too often in this billing period. It can be changed again from `details.retryAt`."
    )]
    TooManyChanges { retry_at: DateTime },
    /// `cancel_at` is the day of the end, if it is known.
    #[error(
        "The subscription is set to end already. To keep it, open the billing portal (POST /v1/billing/portal-session without a flow)."
    )]
    AlreadyCanceling { cancel_at: Option<Date> },
    /// The new preview, as the preview endpoint returns it.
    #[error(
        "The price has changed since it was quoted, and nothing was charged. Show the new preview in `details.preview`, and confirm with its quote."
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
    #[error(
        "The tax cannot be computed without the customer's address. Add it in the billing portal (POST /v1/billing/portal-session with the flow \"customer_update\"), then retry."
    )]
    TaxLocationRequired,
    /// The operator's Stripe account lacks a setting.
    #[error(
        "Stripe rejected this request because a setting is missing ({}). Ask the operator to complete it; the log names Stripe's reason under the request ID.", setting.as_str()
    )]
    NotConfigured { setting: Setting, cause: Cause },
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

    pub(crate) fn details(&self) -> Value {
        match self {
            Self::InsufficientScope { required, granted } => {
                json!({ "required": required.as_str(), "granted": granted.as_str() })
            }
            Self::Validation { field, .. } => json!({ "field": field }),
            Self::UnknownPlan { .. } => json!({ "field": "plan" }),
            Self::UrlNotAllowed { field } => json!({ "field": field }),
            Self::NotChangeable(reason) => json!({ "reason": reason }),
            Self::TooManyChanges { retry_at } => {
                json!({ "reason": "too_many_changes", "retryAt": retry_at })
            }
            Self::QuoteChanged { preview } => json!({ "preview": preview }),
            Self::PaymentFailed(decline) => {
                json!({ "declineCode": decline.decline_code, "kind": decline.kind })
            }
            Self::PaymentActionRequired { url } => json!({ "url": url }),
            Self::AlreadyCanceling { cancel_at } => json!({ "cancelAt": cancel_at }),
            Self::TaxLocationRequired => json!({ "flow": "customer_update" }),
            Self::NotConfigured { setting, .. } => json!({ "setting": setting.as_str() }),
            _ => Value::Null,
        }
    }

    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthenticated | Self::StripeKeySent => {
                vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]
            }
            Self::IdempotencyInProgress | Self::ChangeInProgress => vec![(RETRY_AFTER, 1.into())],
            Self::RateLimited { retry_after, .. } => vec![(RETRY_AFTER, (*retry_after).into())],
            Self::StripeUnavailable(_) | Self::Unavailable(_) => {
                vec![(RETRY_AFTER, RETRY_SOON.into())]
            }
            _ => Vec::new(),
        }
    }

    /// Returns whether the same request may get another response if it is repeated: after a 5xx, under a rate limit, and
    /// beside a concurrent request.
    pub fn is_transient(&self) -> bool {
        let (status, _) = self.kind();
        status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || matches!(self, Self::IdempotencyInProgress | Self::ChangeInProgress)
    }

    /// Returns whether Stripe replayed a stored failure, as it will do for a day. After any other 5xx, for example of
    /// Stripe's edge or of a read, the first request may still be executed.
    pub(crate) fn is_replayed_failure(&self) -> bool {
        self.stripe().is_some_and(StripeError::is_replayed_failure)
    }

    /// Returns whether Stripe refused our request as invalid, for example because an item was removed, or because a
    /// subscription that was canceled has no next invoice.
    pub fn is_bad_request_to_stripe(&self) -> bool {
        let status = self.stripe().and_then(StripeError::status);
        matches!((self, status), (Self::Stripe(_), Some(400 | 404)))
    }

    /// Returns whether Stripe could not be asked, or gave no usable answer: then the last known state is better.
    pub(crate) fn is_outage(&self) -> bool {
        let is_malformed = || matches!(self.stripe(), Some(StripeError::Malformed { .. }));
        let is_secret = || matches!(self.stripe(), Some(StripeError::Secret(_)));
        match self {
            Self::RateLimited { .. } | Self::StripeUnavailable(_) | Self::Timeout => true,
            Self::Stripe(_) => is_malformed(),
            Self::Unavailable(_) => is_secret(),
            _ => false,
        }
    }

    /// Returns Stripe's error, if it is the cause.
    pub(crate) fn stripe(&self) -> Option<&StripeError> {
        self.cause()?.downcast_ref()
    }

    /// Returns the cause, for the log.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::RateLimited { cause, .. }
            | Self::NotConfigured { cause, .. }
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
    Self::Unauthenticated | Self::StripeKeySent => UNAUTHORIZED "unauthenticated";
    Self::InsufficientScope { .. } => FORBIDDEN "insufficient_scope";
    Self::ActAsForbidden => FORBIDDEN "act_as_forbidden";
    Self::NotFound => NOT_FOUND "not_found";
    Self::MalformedBody { .. } => BAD_REQUEST "malformed_body";
    Self::BodyTooLarge { .. } => PAYLOAD_TOO_LARGE "body_too_large";
    Self::UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    Self::Validation { .. } => UNPROCESSABLE_ENTITY "validation";
    Self::UnknownPlan { .. } => UNPROCESSABLE_ENTITY "unknown_plan";
    Self::UrlNotAllowed { .. } => UNPROCESSABLE_ENTITY "url_not_allowed";
    Self::IdempotencyInProgress => CONFLICT "idempotency_in_progress";
    Self::ChangeInProgress => CONFLICT "change_in_progress";
    Self::IdempotencyKeyReused => UNPROCESSABLE_ENTITY "idempotency_key_reused";
    Self::NoSubscription => CONFLICT "no_subscription";
    Self::AlreadySubscribed => CONFLICT "already_subscribed";
    Self::AlreadyOnPlan => CONFLICT "already_on_plan";
    Self::NoPendingChange => CONFLICT "no_pending_change";
    Self::NotChangeable(_) | Self::TooManyChanges { .. } => CONFLICT "subscription_not_changeable";
    Self::AlreadyCanceling { .. } => CONFLICT "already_canceling";
    Self::NotConfigured { .. } => CONFLICT "not_configured";
    Self::TaxLocationRequired => UNPROCESSABLE_ENTITY "tax_location_required";
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
