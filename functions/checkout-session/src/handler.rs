//! Refuses a second subscription, returns an open session or expires it, and creates a new one.

use std::time::Duration;

use shared::api::idempotency::Operation;
use shared::billing::catalog::{Offer, Tiers};
use shared::billing::subscription::Current;
use shared::stripe::views::{CheckoutSession, List};
use shared::stripe::{Details, MAX_PAGE};
use shared::{ApiError, Call, Reply, StripeError};
use stripe_checkout::checkout_session::{ExpireCheckoutSession, ListCheckoutSession};
use tokio::time::sleep;

use crate::params::{Params, Urls};
use crate::promotion;
use crate::session::{SessionRequest, SessionResponse};

/// Name of the endpoint, to which an idempotency key is bound.
const ROUTE: &str = "checkout-session";

/// Pause before looking again for a session that a racing request creates.
const PAUSE: Duration = Duration::from_millis(400);

/// Largest number of attempts to create a session while racing requests create others.
const ROUNDS: u32 = 4;

/// Responds to the request after four round trips to Stripe: the sessions, the billing state, expiring another session,
/// the new session. A new account needs the plans, the customer and the session. A promotion code is one more.
///
/// # Errors
/// Those of the contract.
pub async fn checkout_session(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&Params::NAMES)?;
    let params = Params::of(&fields)?;
    call.once(ROUTE, &fields, |operation| start(&call, &params, operation)).await
}

async fn start(call: &Call, params: &Params, operation: Operation) -> Result<Reply, ApiError> {
    let urls = params.urls(call.config())?;
    // Before the subscriptions, as in `sessions_unless_subscribed`.
    let sessions = match call.customer() {
        Some(customer) => sessions(call, customer).await?,
        None => Vec::new(),
    };
    let billing = call.billing_state().await?;
    let current = billing.current();
    let offer = params.target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    if current.is_some() {
        return Err(ApiError::AlreadySubscribed);
    }
    // Before a customer is created, so that a wrong code creates nothing.
    let known = billing.customer.as_ref().map(|customer| customer.id.as_str());
    let promotion_code = match &params.promotion_code {
        Some(code) => Some(promotion::find(call, code, known).await?),
        None => None,
    };
    let customer = match &billing.customer {
        Some(customer) => customer.id.clone(),
        None => call.create_customer().await?,
    };
    let request = Checkout {
        call,
        customer: &customer,
        tiers: &billing.tiers,
        operation: &operation,
        promotion_code: promotion_code.as_deref(),
    };
    // A deleted customer was replaced.
    let is_other = call.customer().is_some_and(|known| known != customer);
    let sessions = if is_other { request.sessions_unless_subscribed().await? } else { sessions };
    let session = request.open(offer, &urls, sessions).await?;
    Reply::created(&SessionResponse::of(session, params.ui_mode, call.publishable_key().await?))
}

/// Returns a customer's sessions, newest first.
async fn sessions(call: &Call, customer: &str) -> Result<Vec<CheckoutSession>, StripeError> {
    let list = ListCheckoutSession::new().customer(customer).limit(MAX_PAGE);
    Ok(call.stripe.send::<List<CheckoutSession>>(&list).await?.data)
}

fn is_open(session: &CheckoutSession) -> bool {
    session.mode == "subscription" && session.status.as_deref() == Some("open")
}

/// A new session.
enum Created {
    /// Under the key that racing requests share: the only one.
    Shared(CheckoutSession),
    /// Under a key of the request's own: racing requests may have created others.
    Own(CheckoutSession),
}

/// A checkout of one customer.
struct Checkout<'a> {
    call: &'a Call,
    customer: &'a str,
    tiers: &'a Tiers,
    operation: &'a Operation,
    /// ID of the promotion code.
    promotion_code: Option<&'a str>,
}

impl Checkout<'_> {
    /// Returns the customer's sessions, newest first, unless there is a subscription.
    ///
    /// The sessions are read first. A session that is paid in between is open in the list, and the subscriptions have the
    /// one that it created. In the other order, or at the same time, neither list would show it.
    async fn sessions_unless_subscribed(&self) -> Result<Vec<CheckoutSession>, ApiError> {
        let sessions = sessions(self.call, self.customer).await?;
        self.refuse_subscribed().await?;
        Ok(sessions)
    }

    async fn refuse_subscribed(&self) -> Result<(), ApiError> {
        let subscriptions = self.call.stripe.subscriptions(self.customer, Details::None).await?;
        match Current::of(&subscriptions, self.tiers) {
            Some(_) => Err(ApiError::AlreadySubscribed),
            None => Ok(()),
        }
    }

    /// Returns the one open session of a customer: an equal one, or a new one after expiring all others.
    async fn open(
        &self,
        offer: &Offer,
        urls: &Urls,
        mut known: Vec<CheckoutSession>,
    ) -> Result<CheckoutSession, ApiError> {
        let Self { call, customer, operation, .. } = *self;
        let account = call.caller.account.id.as_str();
        let wanted = SessionRequest {
            account,
            customer,
            offer,
            urls,
            automatic_tax: call.config().automatic_tax,
            form: call.config().checkout_form,
            promotion_code: self.promotion_code,
            attribution: operation.attribution(),
        };
        let mut refused_under = None;
        for round in 1.. {
            if let Some(same) = self.agree(&wanted, &known).await? {
                return Ok(same);
            }
            // Racing requests have read the same newest session and so use the same key. Stripe creates the
            // first one's session and refuses the others, which then read the sessions again.
            let newest = known.first().map_or("none", |session| session.id.as_str());
            let mut key = Some(format!("checkout-{customer}-{newest}"));
            if refused_under == key {
                // The first session is still being created, or was refused permanently.
                sleep(PAUSE).await;
                if round == ROUNDS {
                    key = None;
                }
            }
            match self.create(&wanted, key.as_deref()).await {
                Ok(Created::Shared(session)) if is_open(&session) => return Ok(session),
                Ok(Created::Own(session)) if is_open(&session) => {
                    let known = self.sessions_unless_subscribed().await?;
                    let agreed = self.agree(&wanted, &known).await?;
                    return agreed.ok_or(ApiError::IdempotencyInProgress);
                }
                // A replayed failure may have created the session all the same, so read the sessions again.
                Err(error)
                    if !(error.is_key_reused()
                        || error.is_replayed_failure() && round < ROUNDS) =>
                {
                    let of_code = self.promotion_code.and_then(|_| promotion::refusal(&error));
                    return Err(of_code.unwrap_or_else(|| error.into()));
                }
                Ok(_) | Err(_) if round == ROUNDS => return Err(ApiError::IdempotencyInProgress),
                Ok(_) => {}
                Err(_) => refused_under = key,
            }
            known = self.sessions_unless_subscribed().await?;
        }
        unreachable!("the last round returns")
    }

    /// Returns the one session that is wanted, if it is open, and expires all others. Of several it is the oldest, so that
    /// racing requests return the same one. Stripe may also have opened one after its request had failed.
    async fn agree(
        &self,
        wanted: &SessionRequest<'_>,
        known: &[CheckoutSession],
    ) -> Result<Option<CheckoutSession>, ApiError> {
        let open = || known.iter().filter(|session| is_open(session));
        let same = open().rfind(|session| wanted.is_same(session));
        let same_id = same.map(|session| &session.id);
        for session in open().filter(|session| Some(&session.id) != same_id) {
            self.expire(session).await?;
        }
        Ok(same.cloned())
    }

    /// Creates a session under the key that racing requests share, or under one of its own. Stripe replays an old refusal
    /// for the same key even if its reason is gone, so a refused request is repeated under its own.
    async fn create(
        &self,
        wanted: &SessionRequest<'_>,
        key: Option<&str>,
    ) -> Result<Created, StripeError> {
        let stripe = &self.call.stripe;
        if let Some(key) = key {
            match stripe.send_built(wanted.request(), Some(key.to_owned())).await {
                Err(error) if error.status() == Some(400) && !error.is_key_reused() => {}
                outcome => return outcome.map(Created::Shared),
            }
        }
        let key = self.operation.stripe_key("session");
        stripe.send_built(wanted.request(), Some(key)).await.map(Created::Own)
    }

    /// Expires a session. Stripe refuses that for a completed one, which has created a subscription.
    async fn expire(&self, session: &CheckoutSession) -> Result<(), ApiError> {
        let key = self.operation.stripe_key(&format!("expire-{}", session.id));
        match self
            .call
            .stripe
            .send_once::<CheckoutSession>(&ExpireCheckoutSession::new(session.id.as_str()), &key)
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(400) => self.refuse_subscribed().await,
            Err(error) => Err(error.into()),
        }
    }
}
