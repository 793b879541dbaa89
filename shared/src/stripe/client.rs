//! Client of Stripe for one request.

use std::sync::Arc;

use ::stripe::StripeRequest;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;
use tokio::time::Instant;

use super::call_log::{CallLog, id_in_path, id_in_response};
use super::errors::StripeError;
use super::transport::{Exchange, StripeResponse, Transport};
use crate::aws::secrets::StripeSecret;

/// Client of Stripe for one request. It records its calls and stops at the deadline.
#[derive(Clone)]
pub struct Stripe {
    transport: Arc<Transport>,
    pub(super) secret: Arc<StripeSecret>,
    log: Arc<CallLog>,
    deadline: Instant,
}

impl Stripe {
    /// Creates a client that neither sends nor waits after `deadline`.
    pub fn new(
        transport: Arc<Transport>,
        secret: Arc<StripeSecret>,
        log: Arc<CallLog>,
        deadline: Instant,
    ) -> Self {
        Self { transport, secret, log, deadline }
    }

    /// Sends one of async-stripe's requests and reads the response as `V`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send<V: DeserializeOwned>(
        &self,
        request: &impl StripeRequest,
    ) -> Result<V, StripeError> {
        self.send_built(request.build(), None).await
    }

    /// Sends a request with an idempotency key, which makes a POST safe to retry.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send_once<V: DeserializeOwned>(
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
    pub async fn send_built<V: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        key: Option<String>,
    ) -> Result<V, StripeError> {
        let exchange = Exchange::new(request, key)?;
        let changes = exchange.changes();
        // Boxed: the future is large, and handlers hold several at once.
        let response = Box::pin(self.exchange(exchange)).await?;
        if let Some(id) = changes.then(|| id_in_response(&response.body)).flatten() {
            self.log.record_object(&id);
        }
        read(&response.body)
            .map_err(|reason| StripeError::Malformed { request_id: response.request_id, reason })
    }

    async fn exchange(&self, exchange: Exchange) -> Result<StripeResponse, StripeError> {
        // Recorded before sending, because the response may be lost.
        if let Some(id) = exchange.changes().then(|| id_in_path(exchange.path())).flatten() {
            self.log.record_object(id);
        }
        let keys = self.secret.keys().await?;
        let send = async |secret| {
            self.transport.attempts(&exchange, secret, &self.log, self.deadline).await
        };
        match send(&keys.secret_key).await {
            // The key may have been rotated: read the secret again, once, and repeat the call.
            Err(StripeError::Refused { status: 401, .. }) => {
                let fresh = self.secret.keys_after(&keys).await?;
                send(&fresh.secret_key).await
            }
            outcome => outcome,
        }
    }
}

/// Reads a response. serde's message names the field and the place, but never quotes other values.
fn read<V: DeserializeOwned>(body: &[u8]) -> Result<V, String> {
    // One check of the whole body is cheaper than serde_json's check of each string.
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}
