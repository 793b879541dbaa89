//! What can go wrong between us and Stripe, and what of it the caller is told.

use serde::Deserialize;

use super::decline::Decline;
use super::views::PaymentError;
use crate::respond::{ApiError, Cause};
use crate::secrets::SecretError;

/// A call to Stripe that did not give an answer to build on.
///
/// `Display` is for our log: it has Stripe's words and ids, never a key or an object.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// Stripe answered with an error.
    #[error("stripe answered {status} {kind} {code} to {request_id}: {message}", kind = error.kind, code = error.code.as_deref().unwrap_or("-"), message = error.safe_message(*status))]
    Refused { status: u16, request_id: String, retry_after: Option<u32>, error: Box<ErrorView> },
    /// Stripe answered, and it makes no sense to us.
    #[error("stripe's answer to {request_id} cannot be read: {reason}")]
    Nonsense { request_id: String, reason: String },
    /// No answer: no connection, a broken one, or none in time, after retries.
    #[error("stripe could not be reached: {reason}")]
    Unreachable { reason: String },
    /// Our own deadline came first.
    #[error("the deadline came before stripe's answer")]
    Deadline,
    /// An id that cannot be Stripe's; it was not sent.
    #[error("the path {0} holds an id that cannot be stripe's")]
    BadPath(String),
    /// The Stripe key could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The parts of Stripe's error object that may be logged. The rest can hold cards and secrets.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ErrorView {
    /// `api_error`, `card_error`, `idempotency_error`, `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `resource_missing`.
    pub code: Option<String>,
    /// The issuer's reason, of a declined card.
    pub decline_code: Option<String>,
    /// The parameter that is meant.
    pub param: Option<String>,
    /// Stripe's words.
    pub message: Option<String>,
    /// It is the answer to an earlier request with the same idempotency key.
    #[serde(skip)]
    pub replayed: bool,
}

impl ErrorView {
    /// A refusal of the key quotes a part of it.
    fn safe_message(&self, status: u16) -> &str {
        match status {
            401 => "the key was refused",
            _ => self.message.as_deref().unwrap_or("no message"),
        }
    }
}

/// Seconds to wait where Stripe's rate limit names none: its limits are per second.
const RATE_LIMIT_PAUSE: u32 = 1;

impl StripeError {
    /// Why a card was declined, where that is what Stripe answered.
    #[must_use]
    pub fn decline(&self) -> Option<Decline> {
        let Self::Refused { status: 402, error, .. } = self else { return None };
        let ErrorView { code, decline_code, message, .. } = (**error).clone();
        Some(Decline::of(&PaymentError { code, decline_code, message }))
    }

    /// Whether Stripe had nothing to charge: it says so by a missing resource, in words alone.
    #[must_use]
    pub fn is_no_payment_method(&self) -> bool {
        let Self::Refused { status: 400, error, .. } = self else { return false };
        let message = error.message.as_deref().unwrap_or_default();
        error.code.as_deref() == Some("resource_missing")
            && message.contains("no attached payment source")
    }

    /// Whether Stripe has seen this idempotency key with other parameters.
    #[must_use]
    pub fn is_key_reused(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.kind == "idempotency_error")
    }

    /// Whether Stripe has failed under this idempotency key for good: it gives that failure to whoever
    /// comes with the same key for a day.
    #[must_use]
    pub fn is_failed_for_good(&self) -> bool {
        matches!(self, Self::Refused { status: 500.., error, .. } if error.replayed)
    }

    /// The status that Stripe refused with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Stripe's error code, where it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => error.code.as_deref(),
            _ => None,
        }
    }
}

impl From<StripeError> for ApiError {
    /// A 4xx from Stripe faults our request, our key or our stored id, so it is ours to answer
    /// for. A handler that passed on the caller's own id says so itself.
    fn from(error: StripeError) -> Self {
        match &error {
            StripeError::Refused { status: 429, retry_after, .. } => {
                let retry_after = retry_after.unwrap_or(RATE_LIMIT_PAUSE).max(1);
                Self::RateLimited { retry_after, cause: Cause::from(error) }
            }
            StripeError::Refused { status: 409 | 424 | 500.., .. }
            | StripeError::Unreachable { .. } => Self::StripeUnavailable(Cause::from(error)),
            StripeError::Refused { .. }
            | StripeError::Nonsense { .. }
            | StripeError::BadPath(_) => Self::Stripe(Cause::from(error)),
            StripeError::Deadline => Self::Timeout,
            StripeError::Secret(_) => Self::Unavailable(Cause::from(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<u32>) -> StripeError {
        let error = ErrorView {
            kind: "invalid_request_error".to_owned(),
            code: Some("a_code".to_owned()),
            decline_code: None,
            param: None,
            message: Some("Invalid API Key provided: sk_test_***hunter2".to_owned()),
            replayed: false,
        };
        StripeError::Refused {
            status,
            request_id: "req_1".to_owned(),
            retry_after,
            error: Box::new(error),
        }
    }

    #[test]
    fn each_failure_becomes_the_contracts_error() {
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
            (StripeError::Nonsense { request_id: text(), reason: text() }, "stripe_error"),
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

    #[test]
    fn a_refused_key_is_not_quoted() {
        assert_eq!(
            refused(401, None).to_string(),
            "stripe answered 401 invalid_request_error a_code to req_1: the key was refused"
        );
        assert!(
            refused(400, None)
                .to_string()
                .ends_with("Invalid API Key provided: sk_test_***hunter2")
        );
    }
}
