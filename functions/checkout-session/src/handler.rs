//! Refuses a second subscription, returns an open session or expires it, and creates a new one.

use std::time::Duration;

use shared::api::idempotency::Operation;
use shared::billing::catalog::Offer;
use shared::stripe::MAX_PAGE;
use shared::stripe::views::{CheckoutSession, List};
use shared::{ApiError, Call, Reply, StripeError};
use stripe_checkout::checkout_session::{ExpireCheckoutSession, ListCheckoutSession};
use tokio::time::sleep;

use crate::params::{Params, Urls};
use crate::session::{SessionRequest, SessionResponse};

/// Name of the endpoint, to which an idempotency key is bound.
const ROUTE: &str = "checkout-session";

/// Pause before looking again for a session that a racing request creates.
const PAUSE: Duration = Duration::from_millis(400);

/// Largest number of attempts to create a session while racing requests create others.
const ROUNDS: u32 = 4;

/// Responds to the request after three round trips to Stripe: the billing state, expiring another session,
/// the new session. A new account needs the plans, the customer and the session.
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
    let (billing, sessions) =
        tokio::try_join!(call.billing_state(), sessions(call, call.customer()))?;
    let current = billing.current();
    let offer = params.target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    if current.is_some() {
        return Err(ApiError::AlreadySubscribed);
    }
    let customer = call.ensure_customer().await?;
    let session = open(call, &customer, offer, &urls, sessions, &operation).await?;
    Reply::created(&SessionResponse::of(session, params.ui_mode, call.publishable_key().await?))
}

/// Returns a customer's sessions, newest first.
async fn sessions(
    call: &Call,
    customer: Option<&str>,
) -> Result<Vec<CheckoutSession>, StripeError> {
    let Some(customer) = customer else { return Ok(Vec::new()) };
    let list = ListCheckoutSession::new().customer(customer).limit(MAX_PAGE);
    Ok(call.stripe.send::<List<CheckoutSession>>(&list).await?.data)
}

/// Returns the one open session of a customer: an equal one, or a new one after expiring all others.
async fn open(
    call: &Call,
    customer: &str,
    offer: &Offer,
    urls: &Urls,
    mut known: Vec<CheckoutSession>,
    operation: &Operation,
) -> Result<CheckoutSession, ApiError> {
    let account = call.caller.account.id.as_str();
    let wanted = SessionRequest {
        account,
        customer,
        offer,
        urls,
        automatic_tax: call.config().automatic_tax,
        attribution: operation.attribution(),
    };
    let mut refused_under = None;
    for round in 1.. {
        let is_open = |session: &&CheckoutSession| {
            session.mode == "subscription" && session.status.as_deref() == Some("open")
        };
        if let Some(same) = known.iter().filter(is_open).find(|session| wanted.is_same(session)) {
            return Ok(same.clone());
        }
        for session in known.iter().filter(is_open) {
            expire(call, session, operation).await?;
        }
        // Racing requests have read the same newest session and so use the same key. Stripe creates the
        // first one's session and refuses the others, which then read the sessions again.
        let newest = known.first().map_or("none", |session| session.id.as_str());
        let mut key = format!("checkout-{customer}-{newest}");
        if refused_under.as_ref() == Some(&key) {
            // The first session is still being created, or was refused permanently.
            sleep(PAUSE).await;
            if round == ROUNDS {
                key = operation.stripe_key("last-session");
            }
        }
        match create(call, &wanted, &key, operation).await {
            Ok(session) if session.status.as_deref() == Some("open") => return Ok(session),
            // A replayed failure may have created the session all the same, so read the sessions again.
            Err(error)
                if !(error.is_key_reused() || error.is_replayed_failure() && round < ROUNDS) =>
            {
                return Err(error.into());
            }
            Ok(_) | Err(_) if round == ROUNDS => return Err(ApiError::IdempotencyInProgress),
            Ok(_) => {}
            Err(_) => refused_under = Some(key),
        }
        known = sessions(call, Some(customer)).await?;
    }
    unreachable!("the last round returns")
}

/// Creates a session. Stripe replays an old refusal for the same key even if its reason is gone, so a refused
/// request is repeated under a key of its own.
async fn create(
    call: &Call,
    wanted: &SessionRequest<'_>,
    key: &str,
    operation: &Operation,
) -> Result<CheckoutSession, StripeError> {
    let request = || wanted.request();
    match call.stripe.send_built(request(), Some(key.to_owned())).await {
        Err(error) if error.status() == Some(400) && !error.is_key_reused() => {
            call.stripe.send_built(request(), Some(operation.stripe_key("session"))).await
        }
        outcome => outcome,
    }
}

/// Expires a session. Stripe refuses that for a completed one, which has created a subscription.
async fn expire(
    call: &Call,
    session: &CheckoutSession,
    operation: &Operation,
) -> Result<(), ApiError> {
    let key = operation.stripe_key(&format!("expire-{}", session.id));
    match call
        .stripe
        .send_once::<CheckoutSession>(&ExpireCheckoutSession::new(session.id.as_str()), &key)
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(400) => match call.billing_state().await?.current() {
            Some(_) => Err(ApiError::AlreadySubscribed),
            None => Ok(()),
        },
        Err(error) => Err(error.into()),
    }
}
