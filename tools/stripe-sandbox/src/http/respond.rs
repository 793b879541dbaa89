//! Answers as HTTP responses.

use std::error::Error;
use std::fmt;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::{Body, whole};
use super::exchange::{Answer, VERSION};

/// There is no answer: the connection just ends.
#[derive(Debug)]
pub struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on request")
    }
}

impl Error for HangUp {}

/// Marks an answer after which the connection ends.
#[derive(Clone)]
pub struct LastOfConnection;

pub fn respond(answer: &Answer, idempotency_key: Option<&str>) -> Response<Body> {
    let mut response = Response::new(whole(answer.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    set(headers, "content-type", "application/json");
    set(headers, "request-id", &answer.request_id);
    set(headers, "stripe-version", VERSION);
    if let Some(key) = idempotency_key {
        set(headers, "idempotency-key", key);
        set(headers, "original-request", answer.replay_of.as_deref().unwrap_or(&answer.request_id));
    }
    if answer.replay_of.is_some() {
        set(headers, "idempotent-replayed", "true");
    }
    if let Some(retry) = answer.should_retry {
        set(headers, "stripe-should-retry", &retry.to_string());
    }
    response
}

pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
