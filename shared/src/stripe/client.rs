//! Client of Stripe for one request.

use std::sync::Arc;

use ::stripe::StripeRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;
use tokio::time::Instant;

use super::call_log::{CallLog, id_in_path, id_in_response};
use super::errors::StripeError;
use super::permits::Permits;
use super::reads::Reads;
use super::transport::{Exchange, StripeResponse, Transport};
use super::writes::Writes;
use crate::aws::secrets::StripeSecret;
use crate::values::Timestamp;

/// Client of Stripe for one request. It records its calls and stops at the deadline.
#[derive(Clone)]
pub struct Stripe {
    transport: Arc<Transport>,
    pub(super) secret: Arc<StripeSecret>,
    log: Arc<CallLog>,
    deadline: Instant,
    permits: Option<Arc<Permits>>,
    reads: Option<Arc<Reads>>,
    writes: Option<Arc<Writes>>,
}

/// A type that Stripe's responses are read as.
pub trait View: DeserializeOwned + Serialize {}

impl<V: DeserializeOwned + Serialize> View for V {}

impl Stripe {
    /// Creates a client that neither sends nor waits after `deadline`.
    pub fn new(
        transport: Arc<Transport>,
        secret: Arc<StripeSecret>,
        log: Arc<CallLog>,
        deadline: Instant,
    ) -> Self {
        Self { transport, secret, log, deadline, permits: None, reads: None, writes: None }
    }

    /// Counts the calls, and refuses them beyond the account's share of Stripe's rate limit.
    #[must_use]
    pub fn with_permits(self, permits: Permits) -> Self {
        Self { permits: Some(Arc::new(permits)), ..self }
    }

    /// Answers reads from stored ones while these hold.
    #[must_use]
    pub fn with_reads(self, reads: Arc<Reads>) -> Self {
        Self { reads: Some(reads), ..self }
    }

    /// Announces changes to the stored reads.
    #[must_use]
    pub fn with_writes(self, writes: Arc<Writes>) -> Self {
        Self { writes: Some(writes), ..self }
    }

    /// Keeps the request from storing any read.
    pub fn store_nothing(&self) {
        if let Some(reads) = &self.reads {
            reads.keep_nothing();
        }
    }

    /// Dates the response by its usage too, which can be older than the rest.
    pub fn date_by_usage(&self) {
        if let Some(reads) = &self.reads {
            reads.date_by_usage();
        }
    }

    /// Returns the time that responses are about, if they come from the last known state and not from now.
    pub fn past(&self) -> Option<Timestamp> {
        self.reads.as_ref().and_then(|reads| reads.past())
    }

    /// Returns when the usage in the responses read so far was true at Stripe.
    pub fn usage_as_of(&self) -> Timestamp {
        self.reads.as_ref().map_or_else(Timestamp::now, |reads| reads.usage_as_of())
    }

    /// Counts a part of a plan change that Stripe refused, or that a later request has to repeat.
    pub fn count_incomplete(&self) {
        self.log.count_incomplete();
    }

    /// Sends one of async-stripe's requests and reads the response as `V`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send<V: View>(&self, request: &impl StripeRequest) -> Result<V, StripeError> {
        self.send_built(request.build(), None).await
    }

    /// Sends a request with an idempotency key, which makes a POST safe to retry.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send_once<V: View>(
        &self,
        request: &impl StripeRequest,
        key: &str,
    ) -> Result<V, StripeError> {
        self.send_built(request.build(), Some(key.to_owned())).await
    }

    /// Sends a request that async-stripe has no builder for. `key` is the idempotency key.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send_built<V: View>(
        &self,
        request: RequestBuilder,
        key: Option<String>,
    ) -> Result<V, StripeError> {
        let exchange = Exchange::new(request, key)?;
        // Boxed: the futures are large, and handlers hold several at once.
        match self.reads.as_ref().filter(|_| !exchange.changes()) {
            Some(reads) => Box::pin(self.read_stored(reads, exchange)).await,
            None => Box::pin(self.ask(&exchange, false)).await?.read(),
        }
    }

    /// Answers from the stored reads, else asks Stripe and keeps the answer.
    async fn read_stored<V: View>(
        &self,
        reads: &Reads,
        exchange: Exchange,
    ) -> Result<V, StripeError> {
        if let Some(outcome) = reads.find(&exchange) {
            return outcome;
        }
        if !reads.may_ask() {
            return Err(StripeError::NotKnown);
        }
        let started = Instant::now();
        let answer = Box::pin(self.ask(&exchange, reads.has_usage(&exchange))).await;
        if matches!(answer, Err(StripeError::NoPermit))
            && let Some(outcome) = reads.find_usage(&exchange)
        {
            return outcome;
        }
        let date = match &answer {
            Ok(response) => {
                reads.inspect(response);
                response.date
            }
            Err(error) => error.view().and_then(|view| view.date),
        };
        let outcome = answer.and_then(StripeResponse::read);
        reads.keep(&exchange, &outcome, date, started.elapsed());
        outcome
    }

    /// Sends a request as soon as there is a permit for it. `is_refresh` tells that an older answer is known.
    pub(super) async fn ask(
        &self,
        exchange: &Exchange,
        is_refresh: bool,
    ) -> Result<StripeResponse, StripeError> {
        if let Some(writes) = self.writes.as_ref().filter(|_| exchange.changes()) {
            writes.begin().await?;
        }
        let Some(permits) = &self.permits else { return self.exchange(exchange).await };
        permits.enter(self.mode().await?, &exchange.operation(), is_refresh).await?;
        self.exchange(exchange).await
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<StripeResponse, StripeError> {
        // Recorded before sending, because the response may be lost.
        if let Some(id) = exchange.changes().then(|| id_in_path(exchange.path())).flatten() {
            self.log.record_object(id);
        }
        let keys = self.secret.keys().await?;
        let send = async |secret| {
            self.transport.attempts(exchange, secret, &self.log, self.deadline).await
        };
        let response = match send(&keys.secret_key).await {
            // The key may have been rotated: read the secret again, once, and repeat the call.
            Err(StripeError::Refused { status: 401, .. }) => {
                let fresh = self.secret.keys_after(&keys).await?;
                send(&fresh.secret_key).await?
            }
            outcome => outcome?,
        };
        if let Some(id) = exchange.changes().then(|| id_in_response(&response.body)).flatten() {
            self.log.record_object(&id);
        }
        Ok(response)
    }
}

impl StripeResponse {
    /// Reads the body as `V`.
    pub(super) fn read<V: View>(self) -> Result<V, StripeError> {
        let Self { request_id, body, .. } = self;
        read(&body).map_err(|reason| StripeError::Malformed { request_id, reason })
    }
}

/// Reads a response. serde's message names the field and the place, but never quotes other values.
fn read<V: View>(body: &[u8]) -> Result<V, String> {
    // One check of the whole body is cheaper than serde_json's check of each string.
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}
