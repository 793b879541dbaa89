//! Replies of handlers.

use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{ApiError, Cause};
use crate::stripe::Source;

/// Header of a replayed response.
const REPLAYED: &str = "idempotent-replayed";

/// A status and a body, which is JSON unless a header says otherwise.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether Stripe charged another amount than the one that was held, for the metrics.
    pub(crate) amount_differs: bool,
    /// Whether it could not be stored in its idempotency record.
    pub(crate) is_lost: bool,
    /// Where the response to a GET comes from.
    pub(crate) source: Option<Source>,
    /// Code and cause of the error in whose place the last known state is sent.
    pub(crate) outage: Option<(&'static str, String)>,
}

impl Reply {
    /// Creates a reply with status 200.
    ///
    /// # Errors
    /// `internal` if `body` cannot be serialized, which no wire type causes.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::new(StatusCode::OK, body)
    }

    /// Creates a reply with status 201.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn created<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::new(StatusCode::CREATED, body)
    }

    /// Creates a reply with status 200 and the body of an earlier one.
    pub fn repeated(body: String) -> Self {
        Self::of(StatusCode::OK, body, Vec::new())
    }

    /// Creates a reply with status 200 and CSV with a header.
    pub fn csv(text: String) -> Self {
        let csv = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        Self::of(StatusCode::OK, text, vec![(CONTENT_TYPE, csv)])
    }

    /// Returns whether the body is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()).is_none()
    }

    fn new<T: Serialize>(status: StatusCode, body: &T) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body);
        let body = body.map_err(|error| ApiError::Internal(Cause::from(error)))?;
        Ok(Self::of(status, body, Vec::new()))
    }

    fn of(status: StatusCode, body: String, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        let (amount_differs, is_lost) = (false, false);
        Self { status, body, headers, amount_differs, is_lost, source: None, outage: None }
    }

    /// Notes for the log that the last known state is sent in place of an error.
    #[must_use]
    pub(crate) fn in_place_of(self, error: &ApiError) -> Self {
        let cause = error.cause().map_or_else(|| error.to_string(), ToString::to_string);
        Self { outage: Some((error.kind().1, cause)), ..self }
    }

    /// Counts the reply as a change that was charged at another amount than the held one.
    #[must_use]
    pub fn with_differing_amount(self) -> Self {
        Self { amount_differs: true, ..self }
    }

    /// Creates the reply of an error.
    pub fn of_error(error: &ApiError, request_id: &str) -> Self {
        let (status, code) = error.kind();
        let body = json!({
            "error": code,
            "message": error.to_string(),
            "requestId": request_id,
            "details": error.details(),
        });
        Self::of(status, body.to_string(), error.headers())
    }

    /// Returns whether it could not be stored in its idempotency record.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns a header's value by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }

    /// Returns whether it is a replayed response.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header(REPLAYED).is_some()
    }

    /// Returns the code of a replayed error.
    pub(crate) fn error_code(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct ErrorBody {
            error: String,
        }
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        let body = is_error.then(|| serde_json::from_str::<ErrorBody>(&self.body).ok()).flatten();
        body.map(|body| body.error)
    }

    /// Creates the replay of a stored response.
    pub(crate) fn replayed(status: u16, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let name = HeaderName::from_static(REPLAYED);
        let headers = vec![(name, HeaderValue::from_static("true"))];
        Self::of(status, body, headers)
    }
}
