//! HTTP transport to Stripe: pinned API version, timeouts, retries with the same idempotency key.

use std::fmt::Display;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeMethod, VERSION};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::call_log::CallLog;
use super::errors::{ErrorView, StripeError};
use super::request_id::RequestId;
use super::retry::{Outcome, wait};
use crate::aws::https::Https;
use crate::values::is_path_segment;

/// Timeout of one attempt. Previews and updates take Stripe a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Path of previews, the POST that changes nothing.
const PREVIEW: &str = "/invoices/create_preview";

/// End of the path of a meter's summaries.
const SUMMARIES: &str = "/event_summaries";

/// The `User-Agent` header.
const AGENT: &str = concat!("cantila-billing/", env!("CARGO_PKG_VERSION"));

/// Sends one request and returns its whole response. Tests replace it.
pub trait Wire: Send + Sync {
    /// Sends once. The error describes the failed connection.
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_>;
}

/// The future of a response.
pub type Sent<'a> =
    Pin<Box<dyn Future<Output = Result<(Response<()>, Bytes), String>> + Send + 'a>>;

impl Wire for Https {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        Box::pin(async move {
            let response = Self::send(self, request).await.map_err(|error| error.to_string())?;
            let (head, body) = response.into_parts();
            Ok((Response::from_parts(head, ()), body))
        })
    }
}

/// The connection to Stripe, shared by all requests of a process.
pub struct Transport {
    wire: Box<dyn Wire>,
    base: Uri,
    attempt_timeout: Duration,
}

/// A request in bytes, which every attempt sends unchanged.
pub(super) struct Exchange {
    method: Method,
    path_and_query: String,
    body: Bytes,
    has_body: bool,
    key: Option<String>,
    /// Whether a second attempt changes nothing beyond the first.
    idempotent: bool,
}

/// A successful response.
#[derive(Debug)]
pub(super) struct StripeResponse {
    pub(super) request_id: String,
    pub(super) body: Bytes,
    /// Stripe's time of the response, in Unix seconds.
    pub(super) date: Option<i64>,
}

impl Exchange {
    pub(super) fn new(request: RequestBuilder, key: Option<String>) -> Result<Self, StripeError> {
        if !is_safe_path(&request.path) {
            return Err(StripeError::BadPath(request.path));
        }
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let idempotent = method != Method::POST || key.is_some() || request.path == PREVIEW;
        let query =
            request.query.filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        Ok(Self {
            path_and_query: format!("/v1{}{}", request.path, query.unwrap_or_default()),
            has_body: method == Method::POST || request.body.is_some(),
            body: request.body.unwrap_or_default().into(),
            method,
            key,
            idempotent,
        })
    }

    /// Returns whether it can change anything at Stripe.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET && self.path() != PREVIEW
    }

    /// Returns whether the answer contains usage: the preview of an invoice, or the summaries of a meter.
    pub(super) fn reads_usage(&self) -> bool {
        self.path() == PREVIEW || self.path().ends_with(SUMMARIES)
    }

    /// Returns the same text for requests that have the same answer.
    pub(super) fn fingerprint(&self) -> String {
        format!("{} {}", self.path_and_query, String::from_utf8_lossy(&self.body))
    }

    /// Returns the kind of operation, such as `GET subscriptions`. Stripe limits each operation apart.
    pub(super) fn operation(&self) -> String {
        let resource = self.path().split('/').nth(1).unwrap_or_default();
        format!("{} {resource}", self.method)
    }

    /// Returns the path without the version, such as `/customers/cus_1`.
    pub(super) fn path(&self) -> &str {
        let path = self.path_and_query.strip_prefix("/v1").unwrap_or(&self.path_and_query);
        path.split('?').next().unwrap_or(path)
    }

    fn to_http(
        &self,
        base: &Uri,
        secret: &SecretString,
    ) -> Result<Request<Full<Bytes>>, StripeError> {
        let not_sendable = |error: &dyn Display| StripeError::BadPath(error.to_string());
        let uri = Uri::builder()
            .scheme(base.scheme_str().unwrap_or("https"))
            .authority(base.authority().map_or("", |authority| authority.as_str()))
            .path_and_query(&self.path_and_query)
            .build();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
            .map_err(|e| not_sendable(&e))?;
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(&self.method)
            .uri(uri.map_err(|e| not_sendable(&e))?)
            .header(AUTHORIZATION, bearer)
            .header(USER_AGENT, AGENT)
            .header("stripe-version", VERSION.as_str());
        if self.has_body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        request.body(Full::new(self.body.clone())).map_err(|e| not_sendable(&e))
    }
}

impl Transport {
    /// Creates a transport to `base` ([`super::base_url`]).
    pub fn new(https: Https, base: Uri) -> Self {
        Self::over(Box::new(https), base)
    }

    /// Creates a transport that sends through `wire`.
    pub fn over(wire: Box<dyn Wire>, base: Uri) -> Self {
        Self { wire, base, attempt_timeout: ATTEMPT_TIMEOUT }
    }

    /// Opens a connection with a HEAD request without a key, and ignores the outcome.
    pub async fn connect(&self) {
        let request = Request::head(self.base.clone()).header(USER_AGENT, AGENT);
        if let Ok(request) = request.body(Full::default()) {
            let _ = self.wire.send(request).await;
        }
    }

    /// Sets the timeout of one attempt. The default is 10 s.
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self { attempt_timeout, ..self }
    }
}

impl Transport {
    /// Sends until there is a response, the failure is permanent, or a retry would pass the deadline.
    pub(super) async fn attempts(
        &self,
        exchange: &Exchange,
        secret: &SecretString,
        log: &CallLog,
        deadline: Instant,
    ) -> Result<StripeResponse, StripeError> {
        let mut attempt = 1;
        loop {
            let request = exchange.to_http(&self.base, secret)?;
            let (outcome, error) = match self.attempt(request, log, deadline).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if outcome.is_failure() {
                log.count_error();
            } else if outcome.is_rate_limit() {
                log.count_rate_limit();
            }
            attempt += 1;
            let pause = wait(outcome, attempt, jitter()).filter(|_| exchange.idempotent);
            let resume = pause.map(|pause| Instant::now() + pause);
            match resume {
                // A pause beyond the deadline would replace a clear error by a timeout.
                Some(resume) if resume < deadline => {
                    tokio::time::sleep_until(resume).await;
                }
                _ => return Err(error),
            }
            tracing::debug!(attempt, "retrying a call to Stripe: {error}");
        }
    }

    async fn attempt(
        &self,
        request: Request<Full<Bytes>>,
        log: &CallLog,
        deadline: Instant,
    ) -> Result<StripeResponse, (Outcome, StripeError)> {
        let limit = (Instant::now() + self.attempt_timeout).min(deadline);
        let attempt = log.start_attempt();
        let result = timeout_at(limit, self.wire.send(request)).await;
        match result {
            Ok(Ok((head, body))) => {
                let id = request_id(head.headers());
                if let Some(id) = &id {
                    attempt.record_id(id.clone());
                }
                evaluate(head.status().as_u16(), head.headers(), id.as_ref(), body)
            }
            Ok(Err(reason)) => Err((Outcome::Broken, StripeError::Unreachable { reason })),
            Err(_) if limit == deadline => Err((Outcome::Broken, StripeError::Deadline)),
            Err(_) => {
                let reason = format!("no response within {:?}", self.attempt_timeout);
                Err((Outcome::Broken, StripeError::Unreachable { reason }))
            }
        }
    }
}

/// Returns whether a path consists of plain words and IDs.
///
/// async-stripe inserts IDs unencoded: one with a dot or a question mark would lead to another resource
/// with our key. Views refuse IDs with a slash (`views::validated`).
fn is_safe_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_path_segment))
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorView,
}

/// Returns Stripe's ID of the request, if the response has one.
fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    RequestId::parse(headers.get("request-id")?.to_str().ok()?)
}

fn evaluate(
    status: u16,
    headers: &HeaderMap,
    id: Option<&RequestId>,
    body: Bytes,
) -> Result<StripeResponse, (Outcome, StripeError)> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let date = header(DATE.as_str()).and_then(|text| httpdate::parse_http_date(text).ok());
    let date = date.map(|date| OffsetDateTime::from(date).unix_timestamp());
    let request_id = id.map_or("a request without an id", RequestId::as_str).to_owned();
    if (200..300).contains(&status) {
        return Ok(StripeResponse { request_id, body, date });
    }
    let retry_after = header(RETRY_AFTER.as_str()).and_then(|value| value.parse().ok());
    let replayed = header("idempotent-replayed") == Some("true");
    // Stripe replays a stored failure for a day.
    let is_permanent = replayed && status >= 500;
    let should_retry = header("stripe-should-retry").and_then(|value| value.parse().ok());
    let should_retry = if is_permanent { Some(false) } else { should_retry };
    // A proxy in between responds in HTML; then the status has to suffice.
    let error =
        serde_json::from_slice::<ErrorBody>(&body).map(|body| body.error).unwrap_or_default();
    let error = Box::new(ErrorView { replayed, date, ..error });
    Err((
        Outcome::Status { status, should_retry, retry_after },
        StripeError::Refused { status, request_id, retry_after, error },
    ))
}

/// Returns a number from 0 to 1000 from the lowest bits of the clock, random enough to spread retries.
fn jitter() -> u16 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    u16::try_from(nanos / 7 % 1_001).unwrap_or_default()
}
