//! HTTP responses.

use std::error::Error;
use std::fmt;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use time::OffsetDateTime;
use time::macros::format_description;

use super::body::{Body, full_body};
use super::exchange::ApiResponse;
use crate::config::API_VERSION;
use crate::values::period::Timestamp;

/// The connection closes without a response.
#[derive(Debug)]
pub struct ConnectionDropped;

impl fmt::Display for ConnectionDropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed by a fault")
    }
}

impl Error for ConnectionDropped {}

/// Marks a response after which the connection closes.
#[derive(Clone)]
pub struct CloseAfterResponse;

pub fn respond(api_response: &ApiResponse, idempotency_key: Option<&str>) -> Response<Body> {
    let mut response = Response::new(full_body(api_response.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(api_response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    set(headers, "content-type", "application/json");
    set(headers, "request-id", &api_response.request_id);
    set(headers, "stripe-version", API_VERSION);
    if let Some(key) = idempotency_key {
        set(headers, "idempotency-key", key);
        set(
            headers,
            "original-request",
            api_response.replay_of.as_deref().unwrap_or(&api_response.request_id),
        );
    }
    if api_response.replay_of.is_some() {
        set(headers, "idempotent-replayed", "true");
    }
    if let Some(retry) = api_response.should_retry {
        set(headers, "stripe-should-retry", &retry.to_string());
    }
    response
}

pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Returns a time in the format of the `Date` header (RFC 9110).
pub fn http_date(at: Timestamp) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format).expect("the format has only parts of a date and a time")
}

pub fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(full_body(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn date_has_the_format_of_http() {
        for (at, expected) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(at), expected);
        }
    }
}
