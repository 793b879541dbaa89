//! The context of one authenticated request.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::app::App;
use super::config::Config;
use crate::access::Caller;
use crate::api::accept;
use crate::api::body::Fields;
use crate::api::error::ApiError;
use crate::api::event::Incoming;
use crate::api::idempotency::{self, Claim, Operation};
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::billing;
use crate::billing::state::BillingState;
use crate::change::Journal;
use crate::stripe::{Stripe, StripeError};
use crate::values::Attribution;
use crate::values::token::MacKeys;

/// One authenticated request, as a handler receives it.
#[derive(Clone)]
pub struct Call {
    /// The caller and the account that the request is about.
    pub caller: Caller,
    /// The query parameters.
    pub query: Query,
    /// Stripe, until the deadline of this request.
    pub stripe: Stripe,
    pub(super) incoming: Arc<Incoming>,
    /// Hash of the idempotency key, for the audit log.
    pub(super) key_hash: Arc<OnceLock<String>>,
    pub(super) app: Arc<App>,
}

impl Call {
    /// Returns the call with another client of Stripe.
    pub(super) fn with(&self, stripe: impl FnOnce(Stripe) -> Stripe) -> Self {
        Self { stripe: stripe(self.stripe.clone()), ..self.clone() }
    }

    /// Returns the settings.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Returns the ID of this request, as in `x-request-id`.
    pub fn request_id(&self) -> &str {
        &self.incoming.request_id
    }

    /// Returns the last segment of the path, such as the ID in `/v1/billing/invoices/in_1`.
    pub fn path_parameter(&self) -> &str {
        self.incoming.path.rsplit('/').next().unwrap_or_default()
    }

    /// Returns whether the caller prefers a response of this media type to JSON.
    pub fn prefers(&self, media_type: &str) -> bool {
        accept::prefers(&self.incoming.headers, media_type)
    }

    /// Returns the ID of the account's Stripe customer, if it has one.
    pub fn customer(&self) -> Option<&str> {
        self.caller.account.customer.as_deref()
    }

    /// Acquires the journal of the customer's plan changes until this request's deadline.
    ///
    /// # Errors
    /// `change_in_progress` if another request holds it; `unavailable`.
    async fn acquire_journal(&self, customer: &str) -> Result<Journal, ApiError> {
        // Another process may get a request with the same ID of the gateway.
        let attempt = Operation::new(self.attribution())?;
        let until = self.incoming.ends;
        Journal::acquire(&self.app.table, customer, attempt.id(), until).await
    }

    /// Reads something of the account's Stripe customer; `None` if it has none. `read` also returns whether the customer
    /// was deleted. The account's record may name another one by then, for which `read` runs again.
    ///
    /// # Errors
    /// Those of `read`; `unavailable` if the table cannot be reached.
    pub async fn read_customer<T, F>(
        &self,
        read: impl Fn(String) -> F,
    ) -> Result<Option<T>, ApiError>
    where
        F: Future<Output = Result<(T, bool), StripeError>>,
    {
        let Some(customer) = self.customer() else { return Ok(None) };
        // Boxed: the futures are large.
        let (found, is_deleted) = Box::pin(read(customer.to_owned())).await?;
        if is_deleted && let Some(next) = self.customer_after(customer).await? {
            // The stored reads are those of the deleted customer.
            self.stripe.store_nothing();
            return Ok(Some(Box::pin(read(next)).await?.0));
        }
        Ok(Some(found))
    }

    /// Returns the account's Stripe customer as its record names it now, if that is another one than `deleted`.
    async fn customer_after(&self, deleted: &str) -> Result<Option<String>, ApiError> {
        let account = self.app.table.account(&self.caller.account.id).await?;
        let customer = account.and_then(|account| account.customer);
        Ok(customer.filter(|customer| customer != deleted))
    }

    /// Creates the account's Stripe customer. Racing requests get the same one. If the account had one, it was deleted,
    /// and the new one takes its place.
    ///
    /// # Errors
    /// [`ApiError`] if Stripe or the table cannot be reached.
    pub async fn create_customer(&self) -> Result<String, ApiError> {
        let deleted = self.customer();
        if let Some(deleted) = deleted
            && let Some(next) = self.customer_after(deleted).await?
        {
            return Ok(next);
        }
        let table = &self.app.table;
        let first = table.first_customer_attribution(&self.attribution()).await?;
        let created =
            billing::customer::create(&self.stripe, &first, deleted, self.request_id()).await?;
        Ok(table.link_customer(&first.account, &created.id, deleted).await?)
    }

    /// Reads the account's billing state.
    ///
    /// # Errors
    /// [`StripeError`]; `unavailable` if the table cannot be reached.
    pub async fn billing_state(&self) -> Result<BillingState, ApiError> {
        let default = self.config().default_currency;
        let load = |customer: String| async move {
            let state = BillingState::load(&self.stripe, Some(&customer), default).await?;
            let is_deleted = state.customer.is_none();
            Ok((state, is_deleted))
        };
        match self.read_customer(load).await? {
            Some(state) => Ok(state),
            None => Ok(BillingState::load(&self.stripe, None, default).await?),
        }
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

    /// Runs `work` as [`Call::once`] does, with the journal of the account's customer and its billing as it was read since
    /// the journal was acquired. `check` runs before. `work` returns the journal, which is kept until the response is
    /// stored.
    ///
    /// # Errors
    /// Those of `check` and `work`; `change_in_progress` if another request holds the journal; those of Stripe.
    pub async fn change<F>(
        &self,
        route: &str,
        fields: &Fields,
        check: impl Future<Output = Result<(), ApiError>>,
        work: impl FnOnce(Option<Journal>, BillingState, Operation) -> F,
    ) -> Result<Reply, ApiError>
    where
        F: Future<Output = (Option<Journal>, Result<Reply, ApiError>)>,
    {
        let held = Mutex::new(None);
        let steps = async |operation| {
            check.await?;
            let (journal, billing) = self.lock().await?;
            let (journal, outcome) = work(journal, billing, operation).await;
            *held.lock().unwrap_or_else(PoisonError::into_inner) = journal;
            outcome
        };
        // On the heap, because it is large.
        let outcome = Box::pin(self.once(route, fields, steps)).await;
        // Until the response is stored, the journal knows the operation.
        let mut held = held.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = held.as_mut().filter(|_| outcome.as_ref().is_ok_and(Reply::is_lost))
        {
            journal.keep();
        }
        release(held).await;
        outcome
    }

    /// Acquires the journal of the account's customer, if it has one, then reads the billing.
    async fn lock(&self) -> Result<(Option<Journal>, BillingState), ApiError> {
        let mut customer = self.customer().map(str::to_owned);
        loop {
            let journal = match &customer {
                Some(customer) => Some(self.acquire_journal(customer).await?),
                None => None,
            };
            let billing = match self.billing_state().await {
                Ok(billing) => billing,
                Err(error) => {
                    release(journal).await;
                    return Err(error);
                }
            };
            let found = billing.customer.as_ref().map(|customer| customer.id.clone());
            if found.is_none() || found == customer {
                return Ok((journal, billing));
            }
            // The customer that was known was deleted, and the account has another one by now.
            release(journal).await;
            customer = found;
        }
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

async fn release(journal: Option<Journal>) {
    if let Some(journal) = journal {
        journal.release().await;
    }
}
