//! The context of one authenticated request.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use super::app::App;
use super::config::Config;
use crate::access::Caller;
use crate::api::body::Fields;
use crate::api::error::ApiError;
use crate::api::event::Incoming;
use crate::api::idempotency::{self, Claim, Operation};
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::billing;
use crate::billing::state::BillingState;
use crate::stripe::{Stripe, StripeError};
use crate::values::Attribution;
use crate::values::token::MacKeys;

/// One authenticated request, as a handler receives it.
pub struct Call {
    /// The caller and the account that the request is about.
    pub caller: Caller,
    /// The query parameters.
    pub query: Query,
    /// Stripe, until the deadline of this request.
    pub stripe: Stripe,
    pub(super) incoming: Incoming,
    /// Hash of the idempotency key, for the audit log.
    pub(super) key_hash: Arc<OnceLock<String>>,
    pub(super) app: Arc<App>,
}

impl Call {
    /// Returns the settings.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Returns the ID of this request, as in `x-request-id`.
    pub fn request_id(&self) -> &str {
        &self.incoming.request_id
    }

    /// Returns the ID of the account's Stripe customer, if it has one.
    pub fn customer(&self) -> Option<&str> {
        self.caller.account.customer.as_deref()
    }

    /// Returns the ID of the account's Stripe customer, and creates the customer if there is none.
    /// Racing requests get the same customer.
    ///
    /// # Errors
    /// [`ApiError`] if Stripe or the table cannot be reached.
    pub async fn ensure_customer(&self) -> Result<String, ApiError> {
        if let Some(known) = self.customer() {
            return Ok(known.to_owned());
        }
        let first = self.app.table.first_customer_attribution(&self.attribution()).await?;
        let created = billing::customer::create(&self.stripe, &first, self.request_id()).await?;
        Ok(self.app.table.remember_customer(&first.account, &created.id).await?)
    }

    /// Reads the account's billing state.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn billing_state(&self) -> Result<BillingState, StripeError> {
        BillingState::load(&self.stripe, self.customer(), self.config().default_currency).await
    }

    /// Returns Stripe's publishable key, if the secret contains one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn publishable_key(&self) -> Result<Option<String>, ApiError> {
        Ok(self.app.stripe_secret.keys().await?.publishable_key.clone())
    }

    /// Returns the keys that seal new quotes.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn quote_keys(&self) -> Result<Arc<MacKeys>, ApiError> {
        Ok(self.app.quote_secret.keys().await?)
    }

    /// Returns the keys that open the quote `token`.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn quote_keys_for(&self, token: &str) -> Result<Arc<MacKeys>, ApiError> {
        Ok(self.app.quote_secret.keys_for(token).await?)
    }

    /// Reads the body. Fields other than `known` are refused.
    ///
    /// # Errors
    /// As [`Fields::read`].
    pub fn fields(&self, known: &[&str]) -> Result<Fields, ApiError> {
        Fields::read(&self.incoming.headers, &self.incoming.body, known)
    }

    /// Runs `work` at most once for the caller's idempotency key, if there is one. `route` is the name
    /// of the endpoint.
    ///
    /// # Errors
    /// As [`Claim::once`]; `validation` for a malformed key.
    pub async fn once<F>(
        &self,
        route: &str,
        fields: &Fields,
        work: impl FnOnce(Operation) -> F,
    ) -> Result<Reply, ApiError>
    where
        F: Future<Output = Result<Reply, ApiError>>,
    {
        let attribution = self.attribution();
        let Some(key) = idempotency::key_of(&self.incoming.headers)? else {
            return work(Operation::new(attribution)?).await;
        };
        let fingerprint = fields.fingerprint();
        let claim = Claim { attribution, route, fingerprint, key, until: self.incoming.ends };
        let _ = self.key_hash.set(claim.key_hash());
        claim.once(&self.app.table, work).await
    }

    /// Returns the attribution of the objects that this request creates or changes.
    fn attribution(&self) -> Attribution {
        Attribution {
            account: self.caller.account.id.clone(),
            request_id: self.incoming.request_id.clone(),
            key_id: self.caller.key_id.clone(),
        }
    }
}
