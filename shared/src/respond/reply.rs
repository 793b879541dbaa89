//! A handler's answer, and the headers that every response has.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Cause};

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotent-replayed";

/// A status and a JSON body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200 with `body`.
    ///
    /// # Errors
    /// `internal` if the body cannot be written as JSON, which a wire type always can.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::new(StatusCode::OK, body)
    }

    /// 201 with `body`.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn created<T: Serialize>(body: &T) -> Result<Self, ApiError> {
        Self::new(StatusCode::CREATED, body)
    }

    fn new<T: Serialize>(status: StatusCode, body: &T) -> Result<Self, ApiError> {
        let body = serde_json::to_string(body);
        let body = body.map_err(|error| ApiError::Internal(Cause::from(error)))?;
        Ok(Self { status, body, headers: Vec::new() })
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// A header's value, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }

    /// Whether it was given before.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header(REPLAYED).is_some()
    }

    /// The code of an error that was given before; what a handler gives is no error.
    pub(crate) fn error_code(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        let refusal = is_error.then(|| serde_json::from_str::<Refusal>(&self.body).ok()).flatten();
        refusal.map(|refusal| refusal.error)
    }

    /// An answer that was given before.
    pub(crate) fn replayed(status: u16, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let name = HeaderName::from_static(REPLAYED);
        Self { status, body, headers: vec![(name, HeaderValue::from_static("true"))] }
    }
}

/// Where the time of one request went, for `server-timing` and the log.
#[derive(Debug)]
pub struct Timings {
    started: Instant,
    auth_micros: AtomicU64,
    stripe_micros: AtomicU64,
    stripe_count: AtomicU32,
    stripe_errors: AtomicU32,
    stripe_rate_limits: AtomicU32,
}

impl Timings {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            auth_micros: AtomicU64::new(0),
            stripe_micros: AtomicU64::new(0),
            stripe_count: AtomicU32::new(0),
            stripe_errors: AtomicU32::new(0),
            stripe_rate_limits: AtomicU32::new(0),
        }
    }

    pub(crate) fn auth_done(&self) {
        self.auth_micros.store(micros(self.started.elapsed()), Ordering::Relaxed);
    }

    pub(crate) fn stripe_attempt(&self, took: Duration) {
        self.stripe_micros.fetch_add(micros(took), Ordering::Relaxed);
        self.stripe_count.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them had no answer of use: no connection, a 5xx, a refused key.
    pub(crate) fn stripe_error(&self) {
        self.stripe_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them met Stripe's rate limit.
    pub(crate) fn stripe_rate_limit(&self) {
        self.stripe_rate_limits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stripe_errors(&self) -> u32 {
        self.stripe_errors.load(Ordering::Relaxed)
    }

    pub(crate) fn stripe_rate_limits(&self) -> u32 {
        self.stripe_rate_limits.load(Ordering::Relaxed)
    }

    /// Requests sent to Stripe so far, retries included.
    #[must_use]
    pub fn stripe_count(&self) -> u32 {
        self.stripe_count.load(Ordering::Relaxed)
    }

    /// Since the request came in, in milliseconds.
    #[must_use]
    pub fn total_ms(&self) -> u64 {
        micros(self.started.elapsed()) / 1000
    }

    /// `total;dur=12.3, auth;dur=0.4, stripe;dur=9.8;count=2`; durations in milliseconds. Stripe's
    /// is the sum over its requests, so it passes the total where some ran at the same time.
    pub(crate) fn header(&self) -> String {
        let ms = |micros: u64| format!("{}.{}", micros / 1000, micros % 1000 / 100);
        format!(
            "total;dur={}, auth;dur={}, stripe;dur={};count={}",
            ms(micros(self.started.elapsed())),
            ms(self.auth_micros.load(Ordering::Relaxed)),
            ms(self.stripe_micros.load(Ordering::Relaxed)),
            self.stripe_count(),
        )
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
