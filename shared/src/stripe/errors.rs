//! Failed calls to Stripe.

use serde::{Deserialize, Serialize};

use super::request_id::RequestId;
use crate::aws::secrets::SecretError;
use crate::aws::table::TableError;

/// A call to Stripe without a usable response.
///
/// `Display` is for the log: it contains Stripe's message and IDs, but no key and no object.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// Stripe responded with an error.
    #[error("Stripe responded {status} {kind} {code} to {request_id}: {message}", kind = error.kind, code = error.code.as_deref().unwrap_or("-"), message = error.safe_message(*status))]
    Refused { status: u16, request_id: String, retry_after: Option<u32>, error: Box<ErrorView> },
    /// The response lacks a field, or has one of the wrong type.
    #[error("Stripe's response to {request_id} is malformed: {reason}")]
    Malformed { request_id: String, reason: String },
    /// Stripe's preview lacks the tax, because the customer's address is missing.
    #[error("the preview lacks the tax, because the customer's address is missing")]
    NoTaxLocation,
    /// There was no response after retries: no connection, a broken one, or a timeout.
    #[error("Stripe could not be reached: {reason}")]
    Unreachable { reason: String },
    /// The request's own deadline passed.
    #[error("the deadline passed before Stripe's response")]
    Deadline,
    /// The path contains an ID that cannot be Stripe's. Nothing was sent.
    #[error("the path {0} contains an ID that cannot be Stripe's")]
    BadPath(String),
    /// This account, or all accounts together, have sent as many requests as Stripe's rate limit leaves them. Nothing was
    /// sent.
    #[error("the share of Stripe's rate limit is used up")]
    NoPermit,
    /// Stripe may not be asked, and the answer is not among the last known ones.
    #[error("the last known state does not contain the answer")]
    NotKnown,
    /// The change could not be announced to the stored reads. Nothing was sent.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Stripe's key could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The parts of Stripe's error object that may be logged. Others can contain cards and secrets.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ErrorView {
    /// `api_error`, `card_error`, `idempotency_error`, `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Error code, for example `resource_missing`.
    pub code: Option<String>,
    /// The issuer's reason for declining a card.
    pub decline_code: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// Stripe's message.
    pub message: Option<String>,
    /// Whether this is the stored response of an earlier request with the same idempotency key.
    #[serde(skip)]
    pub replayed: bool,
    /// Stripe's time of the response, in Unix seconds.
    #[serde(skip)]
    pub date: Option<i64>,
}

impl ErrorView {
    /// Stripe's message, except for a refused key, of which Stripe quotes a part.
    fn safe_message(&self, status: u16) -> &str {
        match status {
            401 => "the key was refused",
            _ => self.message.as_deref().unwrap_or("no message"),
        }
    }
}

impl StripeError {
    /// Returns whether Stripe has seen this idempotency key with other parameters.
    pub fn is_key_reused(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.kind == "idempotency_error")
    }

    /// Returns whether Stripe replays a stored failure for this idempotency key, as it does for a day.
    pub fn is_replayed_failure(&self) -> bool {
        matches!(self, Self::Refused { status: 500.., error, .. } if error.replayed)
    }

    /// Returns the HTTP status, if there was a response.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns Stripe's ID of the request, if there was a response with one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } | Self::Malformed { request_id, .. } => {
                Some(request_id.as_str()).filter(|id| RequestId::parse(id).is_some())
            }
            _ => None,
        }
    }

    /// Returns the error object that Stripe responded with.
    pub fn view(&self) -> Option<&ErrorView> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Returns Stripe's error code, if there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => error.code.as_deref(),
            _ => None,
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
            date: None,
        };
        StripeError::Refused {
            status,
            request_id: "req_1".to_owned(),
            retry_after,
            error: Box::new(error),
        }
    }

    #[test]
    fn refused_key_is_not_quoted() {
        assert_eq!(
            refused(401, None).to_string(),
            "Stripe responded 401 invalid_request_error a_code to req_1: the key was refused"
        );
        assert!(
            refused(400, None)
                .to_string()
                .ends_with("Invalid API Key provided: sk_test_***hunter2")
        );
    }
}
