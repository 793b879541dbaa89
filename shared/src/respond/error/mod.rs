//! The one error type that handlers return, and the only place where it becomes HTTP.
//!
//! What the caller reads (`Display`) and what we log (the cause) are different things of different
//! types, so that neither can end up in the other's place.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::reply::Reply;
use crate::auth::Scope;
use crate::stripe::{Decline, StripeError};
use crate::subscription::NotChangeable;

/// What went wrong underneath, for the log alone.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed, in this API's own terms. `Display` is what the caller reads.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(
        "The API key is missing or not valid. Send `Authorization: Bearer <key>` with a key that has not expired or been revoked."
    )]
    Unauthenticated,
    #[error(
        "This needs a key with the scope \"{required}\"; this key has \"{granted}\". Use another key, or ask an administrator for one."
    )]
    InsufficientScope { required: Scope, granted: Scope },
    #[error(
        "This account may not act for that one, or there is no such account. X-Cantila-Act-As takes the handle or id of one of your own sub-accounts."
    )]
    ActAsForbidden,
    #[error("The body is not JSON. Send a JSON object with `content-type: application/json`.")]
    MalformedBody,
    #[error("The body is too large; at most {longest} bytes are taken.")]
    BodyTooLarge { longest: usize },
    #[error("The body has to be JSON; send `content-type: application/json`.")]
    UnsupportedMediaType,
    /// A field, header or query parameter is wrong; the message says what it has to be.
    #[error("{message}")]
    Validation { field: String, message: String },
    /// The message lists the plans, or says whom to ask.
    #[error("{message}")]
    UnknownPlan { message: String },
    #[error(
        "\"{field}\" lies outside the origins that this API may send customers back to. Use one of your own pages, or ask the operator to allow this one."
    )]
    UrlNotAllowed { field: &'static str },
    #[error(
        "The first request with this Idempotency-Key is still running. Try again in a second; its answer will be given again."
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
    #[error("This plan at this price is the current one; there is nothing to change.")]
    AlreadyOnPlan,
    #[error("{}", .0.advice())]
    NotChangeable(NotChangeable),
    /// The fresh preview, as the preview endpoint would answer it.
    #[error(
        "The amount has changed since it was quoted; nothing was charged. Show the new preview in `details.preview`, and confirm with its quote."
    )]
    QuoteChanged { preview: Box<Value> },
    #[error(
        "The quote is older than 15 minutes. Ask for a new preview, and confirm with its quote."
    )]
    QuoteExpired,
    #[error("The payment was declined: {} Nothing was changed and nothing is owed. Use another payment method (POST /v1/billing/portal-session), then try again.", .0.message)]
    PaymentFailed(Box<Decline>),
    #[error(
        "The bank wants the customer to authenticate the payment. Open `details.url`; the change is made once that is done."
    )]
    PaymentActionRequired { url: Option<String> },
    /// Stripe's rate limit, after retries. Seconds to wait.
    #[error("There are too many requests at the moment. Try again in {retry_after} s.")]
    RateLimited { retry_after: u32, cause: Cause },
    #[error(
        "Stripe refused a request of ours. This is not something that you can mend; tell the operator the request id."
    )]
    Stripe(#[source] Cause),
    #[error(
        "Stripe could not be reached, or gave no clear answer. Try again in a few seconds; a request that changes something with the same Idempotency-Key, so that it is not done twice."
    )]
    StripeUnavailable(#[source] Cause),
    #[error("A service that this one needs could not be reached. Try again in a few seconds.")]
    Unavailable(#[source] Cause),
    #[error("The answer did not come in time. Try again.")]
    Timeout,
    #[error(
        "Something went wrong on our side. Try again; if it stays so, tell the operator the request id."
    )]
    Internal(#[source] Cause),
}

/// Seconds that `Retry-After` asks for where nothing better is known.
const RETRY_SOON: u32 = 2;

impl ApiError {
    /// A query parameter or body field that is wrong. `message` says what it has to be.
    pub fn validation(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation { field: field.into(), message: message.into() }
    }

    fn details(&self) -> Value {
        match self {
            Self::InsufficientScope { required, granted } => {
                json!({ "required": required.as_str(), "granted": granted.as_str() })
            }
            Self::Validation { field, .. } => json!({ "field": field }),
            Self::UnknownPlan { .. } => json!({ "field": "plan" }),
            Self::UrlNotAllowed { field } => json!({ "field": field }),
            Self::NotChangeable(reason) => json!({ "reason": reason.as_str() }),
            Self::QuoteChanged { preview } => json!({ "preview": preview }),
            Self::PaymentFailed(decline) => {
                json!({ "declineCode": decline.decline_code, "kind": decline.kind })
            }
            Self::PaymentActionRequired { url } => json!({ "url": url }),
            _ => Value::Null,
        }
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
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

    /// Whether Stripe itself answered, and with a failure of its own: then it gives that answer
    /// again to whoever comes with the same idempotency key.
    pub(crate) fn is_stripes_own_failure(&self) -> bool {
        matches!(self.stripe(), Some(StripeError::Refused { status: 500.., .. }))
    }

    /// Whether Stripe found something wrong with a request of ours, such as an item that has gone.
    #[must_use]
    pub fn is_bad_request_to_stripe(&self) -> bool {
        matches!(self, Self::Stripe(_)) && self.stripe().and_then(StripeError::status) == Some(400)
    }

    fn stripe(&self) -> Option<&StripeError> {
        self.cause()?.downcast_ref()
    }

    /// What went wrong underneath, for the log.
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

    /// Shapes the response. The log line is the caller's, who knows the request.
    #[must_use]
    pub fn reply(&self, request_id: &str) -> Reply {
        let (status, code) = self.kind();
        let body = json!({
            "error": code,
            "message": self.to_string(),
            "requestId": request_id,
            "details": self.details(),
        });
        Reply { status, body: body.to_string(), headers: self.headers() }
    }
}

/// The one table of statuses and codes: for a variant without a row it does not compile.
macro_rules! kinds {
    ($($variant:pat => $status:ident $code:literal;)*) => {
        impl ApiError {
            /// Every status and code that there is.
            pub const KINDS: &[(StatusCode, &'static str)] = &[$((StatusCode::$status, $code)),*];

            /// The status, and the code that callers may branch on.
            #[must_use]
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
