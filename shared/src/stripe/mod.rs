//! Stripe: async-stripe's typed requests, our own transport, and the slice of each answer we read.
//!
//! async-stripe's response types are not used: they would fail a whole answer over one missing key
//! that nobody reads, and bring in the object graph of all of Stripe. A *view* here declares the
//! few fields that are read, and what lacks one of those is no answer to build on.

mod budget;
mod calls;
mod decline;
mod error;
pub mod permissions;
mod retry;
mod transport;
pub mod views;

use std::sync::Arc;

use ::stripe::StripeRequest;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;
use tokio::time::Instant;

pub use calls::LONGEST_PAGE;
pub use decline::{Decline, DeclineKind};
pub use error::StripeError;
pub use transport::{Sent, Transport, Wire};

use crate::audit::{self, Trail};
use crate::respond::Timings;
use crate::secrets::Secrets;

/// Stripe for the length of one request: it counts what it sends and stops at the deadline.
#[derive(Clone)]
pub struct Stripe {
    transport: Arc<Transport>,
    secrets: Arc<Secrets>,
    timings: Arc<Timings>,
    trail: Arc<Trail>,
    deadline: Instant,
}

impl Stripe {
    /// No request is sent, or waited for, after `deadline`.
    #[must_use]
    pub fn new(
        transport: Arc<Transport>,
        secrets: Arc<Secrets>,
        timings: Arc<Timings>,
        deadline: Instant,
    ) -> Self {
        Self { transport, secrets, timings, trail: Arc::default(), deadline }
    }

    /// The same, but what it changes is noted there.
    pub(crate) fn leaving(self, trail: Arc<Trail>) -> Self {
        Self { trail, ..self }
    }

    /// Sends one of async-stripe's requests and reads the answer as `V`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send<V: DeserializeOwned>(
        &self,
        request: &impl StripeRequest,
    ) -> Result<V, StripeError> {
        self.send_built(request.build(), None).await
    }

    /// As [`Stripe::send`], with an idempotency key, which makes a POST safe to repeat.
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

    /// The same for a request that async-stripe has no builder for.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send_built<V: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        key: Option<String>,
    ) -> Result<V, StripeError> {
        // Boxed: it is a big future, and handlers hold several at once.
        let exchange = transport::Exchange::new(request, key)?;
        let changes = exchange.changes();
        let answer = Box::pin(self.exchange(exchange)).await?;
        if let Some(id) = changes.then(|| audit::id_in(&answer.body)).flatten() {
            self.trail.touch(&id);
        }
        read(&answer.body)
            .map_err(|reason| StripeError::Nonsense { request_id: answer.request_id, reason })
    }

    async fn exchange(
        &self,
        exchange: transport::Exchange,
    ) -> Result<transport::Answer, StripeError> {
        // Noted before it is sent: what comes of it may never be known.
        if let Some(id) = exchange.changes().then(|| audit::named(exchange.path())).flatten() {
            self.trail.touch(id);
        }
        let keys = self.secrets.stripe().await?;
        match self.attempts(&exchange, &keys.secret_key).await {
            // The key was rotated: the secret is read again, once, and the call repeated.
            Err(StripeError::Refused { status: 401, .. }) => {
                let fresh = self.secrets.stripe_after(&keys).await?;
                self.attempts(&exchange, &fresh.secret_key).await
            }
            outcome => outcome,
        }
    }
}

/// Reads an answer. serde's text names the field and the place, not the value's surroundings.
fn read<V: DeserializeOwned>(body: &[u8]) -> Result<V, String> {
    // Checked as a whole once: from bytes, serde_json would check each text by itself.
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}
