//! Requests to the API that did not succeed.

use serde::Deserialize;
use serde_json::Value;

use crate::http::Response;

/// Reason why a request has no result.
#[derive(Debug)]
pub enum Failure {
    /// The API responded with an error.
    Refused(Box<Refusal>),
    /// No response arrived.
    NoResponse { reason: String },
    /// The response is not one of `openapi.yaml`.
    Malformed { status: u16, reason: String, request_id: Option<String> },
}

/// Error response of the API.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    /// Stable code.
    pub error: String,
    /// Explanation for a person, with the next step.
    pub message: String,
    pub request_id: String,
    pub details: Value,
    /// Seconds to wait before a retry.
    pub retry_after: Option<String>,
}

/// Body of an error response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    error: String,
    message: String,
    request_id: String,
    details: Value,
}

impl Failure {
    /// Reads an error response.
    pub fn of(response: &Response) -> Self {
        let body: Body = match serde_json::from_slice(&response.body) {
            Ok(body) => body,
            Err(error) => return Self::malformed(response, &error.to_string()),
        };
        Self::Refused(Box::new(Refusal {
            status: response.status,
            error: body.error,
            message: body.message,
            request_id: body.request_id,
            details: body.details,
            retry_after: response.header("retry-after").map(str::to_owned),
        }))
    }

    pub fn malformed(response: &Response, reason: &str) -> Self {
        Self::Malformed {
            status: response.status,
            reason: reason.to_owned(),
            request_id: response.header("x-request-id").map(str::to_owned),
        }
    }

    /// Returns the status for a page that consists of this failure.
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.status,
            Self::NoResponse { .. } => 503,
            Self::Malformed { .. } => 502,
        }
    }

    /// Returns the reason of the last failure, if all are [`Self::NoResponse`]; `None` stands for a success.
    pub fn no_response<'a>(
        failures: impl IntoIterator<Item = Option<&'a Self>>,
    ) -> Option<&'a str> {
        let reason = |failure: Option<&'a Self>| match failure {
            Some(Self::NoResponse { reason }) => Some(reason.as_str()),
            _ => None,
        };
        failures.into_iter().map(reason).collect::<Option<Vec<_>>>()?.pop()
    }

    /// Returns the error response with this code.
    pub fn refused(&self, error: &str) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) if refusal.error == error => Some(refusal),
            _ => None,
        }
    }
}
