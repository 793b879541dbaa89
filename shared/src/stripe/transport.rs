//! One HTTP client for Stripe: pinned version, time-outs, retries with the same idempotency key.
//!
//! It speaks async-stripe's `StripeClient`, so that its typed requests can be sent through it.

use std::fmt::Display;
use std::pin::Pin;
use std::time::Duration;

use ::stripe::{CustomizedStripeRequest, RequestStrategy};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use stripe_client_core::{RequestBuilder, StripeClient, StripeClientErr, StripeMethod, VERSION};
use tokio::time::{Instant, timeout_at};

use super::Stripe;
use super::budget::Budget;
use super::error::{ErrorView, StripeError};
use super::retry::{Outcome, wait};
use super::views::is_id;
use crate::https::Https;

/// Longest wait for one attempt. Previews and changes take Stripe a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A POST that changes nothing.
const PREVIEW: &str = "/invoices/create_preview";

/// What our requests say of themselves.
const AGENT: &str = concat!("cantila-billing/", env!("CARGO_PKG_VERSION"));

/// What a request goes out by, and its answer, all of it, comes back by.
pub trait Wire: Send + Sync {
    /// Sends once. The error says what went wrong in between.
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_>;
}

/// An answer on its way.
pub type Sent<'a> =
    Pin<Box<dyn Future<Output = Result<(Response<()>, Bytes), String>> + Send + 'a>>;

impl Wire for Https {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        Box::pin(async move {
            let answer = Self::send(self, request).await.map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            Ok((Response::from_parts(head, ()), body))
        })
    }
}

/// The way to Stripe.
pub struct Transport {
    wire: Box<dyn Wire>,
    base: Uri,
    attempt_timeout: Duration,
    budget: Budget,
}

/// A request that can be sent as often as need be: the bytes are made once.
pub(super) struct Exchange {
    method: Method,
    path_and_query: String,
    body: Bytes,
    has_body: bool,
    key: Option<String>,
    /// Sending it twice does no more than sending it once.
    repeatable: bool,
}

/// Stripe's answer to a request that it accepted.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request_id: String,
    pub(super) body: Bytes,
}

impl Exchange {
    pub(super) fn new(request: RequestBuilder, key: Option<String>) -> Result<Self, StripeError> {
        if !is_path(&request.path) {
            return Err(StripeError::BadPath(request.path));
        }
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let repeatable = method != Method::POST || key.is_some() || request.path == PREVIEW;
        let query =
            request.query.filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        Ok(Self {
            path_and_query: format!("/v1{}{}", request.path, query.unwrap_or_default()),
            has_body: method == Method::POST || request.body.is_some(),
            body: request.body.unwrap_or_default().into(),
            method,
            key,
            repeatable,
        })
    }

    /// Whether it can change anything at Stripe. A preview is a POST that does not.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET && self.path() != PREVIEW
    }

    /// The path at Stripe, such as `/customers/cus_1`.
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
    /// `base` is an origin: `https://api.stripe.com`, or the sandbox's.
    #[must_use]
    pub fn new(https: Https, base: Uri) -> Self {
        Self::over(Box::new(https), base)
    }

    /// The same over another wire.
    #[must_use]
    pub fn over(wire: Box<dyn Wire>, base: Uri) -> Self {
        Self { wire, base, attempt_timeout: ATTEMPT_TIMEOUT, budget: Budget::new() }
    }

    /// Opens a connection, with a request that says nothing: no key, no path. Whatever comes of it.
    pub async fn connect(&self) {
        let request = Request::head(self.base.clone()).header(USER_AGENT, AGENT);
        if let Ok(request) = request.body(Full::default()) {
            let _ = self.wire.send(request).await;
        }
    }

    /// The same, with another longest wait for one attempt than 10 s.
    #[must_use]
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self { attempt_timeout, ..self }
    }
}

/// Whether a path is made of words and ids alone. async-stripe puts ids into it as they are, and one
/// with a dot or a question mark in it would lead to another resource, with our key. One with a slash
/// is refused where it is read (`views::checked`).
fn is_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_id))
}

impl Stripe {
    /// Sends until there is an answer, or no hope or no time for one.
    pub(super) async fn attempts(
        &self,
        exchange: &Exchange,
        secret: &SecretString,
    ) -> Result<Answer, StripeError> {
        let budget = &self.transport.budget;
        let mut attempt = 1;
        loop {
            let request = exchange.to_http(&self.transport.base, secret)?;
            let (outcome, error) = match self.attempt(request).await {
                Ok(answer) => {
                    budget.answered(attempt - 1);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            match outcome {
                _ if outcome.is_failure() => self.timings.stripe_error(),
                _ if outcome.is_rate_limit() => self.timings.stripe_rate_limit(),
                _ => {}
            }
            if !outcome.may_pass() {
                budget.answered(attempt - 1);
            }
            attempt += 1;
            let pause = wait(outcome, attempt, jitter()).filter(|_| exchange.repeatable);
            let resume = pause.map(|pause| Instant::now() + pause);
            match resume {
                // Waiting past the deadline would turn a clear answer into a time-out.
                Some(resume) if resume < self.deadline && budget.take(exchange.changes()) => {
                    tokio::time::sleep_until(resume).await;
                }
                _ => return Err(error),
            }
            tracing::debug!(attempt, "asking stripe again: {error}");
        }
    }

    async fn attempt(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, (Outcome, StripeError)> {
        let started = Instant::now();
        let limit = (started + self.transport.attempt_timeout).min(self.deadline);
        let result = timeout_at(limit, self.transport.wire.send(request)).await;
        self.timings.stripe_attempt(started.elapsed());
        match result {
            Ok(Ok((head, body))) => judge(head.status().as_u16(), head.headers(), body),
            Ok(Err(reason)) => Err((Outcome::Broken, StripeError::Unreachable { reason })),
            Err(_) if limit == self.deadline => Err((Outcome::Broken, StripeError::Deadline)),
            Err(_) => {
                let reason = format!("no answer within {:?}", self.transport.attempt_timeout);
                Err((Outcome::Broken, StripeError::Unreachable { reason }))
            }
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorView,
}

fn judge(status: u16, headers: &HeaderMap, body: Bytes) -> Result<Answer, (Outcome, StripeError)> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let request_id = header("request-id").unwrap_or("a request without an id").to_owned();
    if (200..300).contains(&status) {
        return Ok(Answer { request_id, body });
    }
    let retry_after = header(RETRY_AFTER.as_str()).and_then(|value| value.parse().ok());
    let replayed = header("idempotent-replayed") == Some("true");
    // The same failure would come again for a day.
    let is_for_good = replayed && status >= 500;
    let should_retry = header("stripe-should-retry").and_then(|value| value.parse().ok());
    let should_retry = if is_for_good { Some(false) } else { should_retry };
    // What stands between us and Stripe answers in HTML; the status says enough.
    let error =
        serde_json::from_slice::<ErrorBody>(&body).map(|body| body.error).unwrap_or_default();
    let error = Box::new(ErrorView { replayed, ..error });
    Err((
        Outcome::Status { status, should_retry, retry_after },
        StripeError::Refused { status, request_id, retry_after, error },
    ))
}

/// From 0 to 1000. The lowest bits of the clock are random enough to spread retries.
fn jitter() -> u16 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    u16::try_from(nanos / 7 % 1_001).unwrap_or_default()
}

impl StripeClientErr for StripeError {
    fn deserialize_err(reason: impl Display) -> Self {
        Self::Nonsense { request_id: "a request".to_owned(), reason: reason.to_string() }
    }
}

impl StripeClient for Stripe {
    type Err = StripeError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, StripeError> {
        let (request, settings) = request.into_pieces();
        let key = match settings.request_strategy {
            Some(RequestStrategy::Idempotent(key)) => Some(key.into_inner()),
            _ => None,
        };
        Ok(self.exchange(Exchange::new(request, key)?).await?.body)
    }
}
