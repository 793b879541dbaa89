//! The one error type that handlers return, and the only place where it becomes HTTP.
//!
//! What the caller reads (`Display`) and what we log (the cause) are different things of different
//! types, so that neither can end up in the other's place.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::reply::Reply;
use crate::auth::Scope;

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
    /// A field, header or query parameter is wrong; the message says what it has to be.
    #[error("{message}")]
    Validation { field: String, message: String },
    /// Stripe's rate limit, after retries. Seconds to wait.
    #[error("There are too many requests at the moment. Try again in {retry_after} s.")]
    RateLimited { retry_after: u32, cause: Cause },
    #[error(
        "Stripe refused a request of ours. This is not something that you can mend; tell the operator the request id."
    )]
    Stripe(#[source] Cause),
    #[error(
        "Stripe could not be reached. Nothing was changed by this request; try again in a few seconds."
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

    /// The status, and the code that callers may branch on.
    ///
    /// There is no `_` arm, so a new variant has to choose.
    #[must_use]
    pub fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::InsufficientScope { .. } => (StatusCode::FORBIDDEN, "insufficient_scope"),
            Self::ActAsForbidden => (StatusCode::FORBIDDEN, "act_as_forbidden"),
            Self::Validation { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "validation"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::Stripe(_) => (StatusCode::BAD_GATEWAY, "stripe_error"),
            Self::StripeUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "stripe_unavailable"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::InsufficientScope { required, granted } => {
                json!({ "required": required.as_str(), "granted": granted.as_str() })
            }
            Self::Validation { field, .. } => json!({ "field": field }),
            _ => Value::Null,
        }
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthenticated => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            Self::RateLimited { retry_after, .. } => vec![(RETRY_AFTER, (*retry_after).into())],
            Self::StripeUnavailable(_) | Self::Unavailable(_) => {
                vec![(RETRY_AFTER, RETRY_SOON.into())]
            }
            _ => Vec::new(),
        }
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
    pub fn into_reply(self, request_id: &str) -> Reply {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_answers_with_its_status_code_details_and_headers_and_no_cause() {
        let cause = || Cause::from("rk_test_secret in a cause");
        let none = Value::Null;
        let cases = [
            (
                ApiError::Unauthenticated,
                401,
                "unauthenticated",
                none.clone(),
                Some(("www-authenticate", "Bearer")),
            ),
            (
                ApiError::InsufficientScope { required: Scope::Admin, granted: Scope::Read },
                403,
                "insufficient_scope",
                json!({ "required": "admin", "granted": "read" }),
                None,
            ),
            (ApiError::ActAsForbidden, 403, "act_as_forbidden", none.clone(), None),
            (
                ApiError::validation("limit", "limit is a number"),
                422,
                "validation",
                json!({ "field": "limit" }),
                None,
            ),
            (
                ApiError::RateLimited { retry_after: 7, cause: cause() },
                429,
                "rate_limited",
                none.clone(),
                Some(("retry-after", "7")),
            ),
            (ApiError::Stripe(cause()), 502, "stripe_error", none.clone(), None),
            (
                ApiError::StripeUnavailable(cause()),
                503,
                "stripe_unavailable",
                none.clone(),
                Some(("retry-after", "2")),
            ),
            (
                ApiError::Unavailable(cause()),
                503,
                "unavailable",
                none.clone(),
                Some(("retry-after", "2")),
            ),
            (ApiError::Timeout, 504, "timeout", none.clone(), None),
            (ApiError::Internal(cause()), 500, "internal", none, None),
        ];
        for (error, status, code, details, header) in cases {
            let message = error.to_string();
            assert!(!message.contains("secret"), "{code}: {message}");
            let reply = error.into_reply("req-1");
            assert_eq!(reply.status.as_u16(), status, "{code}");
            let body: Value = serde_json::from_str(&reply.body).expect(code);
            // The whole body, so that a field added by accident fails too.
            assert_eq!(
                body,
                json!({ "error": code, "message": message, "requestId": "req-1", "details": details })
            );
            let headers: Vec<_> = reply
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
                .collect();
            assert_eq!(headers, Vec::from_iter(header), "{code}");
        }
    }
}
