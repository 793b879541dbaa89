//! What checkout-session does: refuses a second subscription, gives an open session out again or
//! ends it, and makes a new one.

use std::time::Duration;

use shared::api::idempotency::Operation;
use shared::billing::catalog::Offer;
use shared::stripe::MAX_PAGE;
use shared::stripe::views::{CheckoutSession, List};
use shared::{ApiError, Call, Reply, StripeError};
use stripe_checkout::checkout_session::{ExpireCheckoutSession, ListCheckoutSession};
use tokio::time::sleep;

use crate::params::{Params, Urls};
use crate::session::{Shown, Wanted};

/// The endpoint's name, by which an idempotency key is bound to it.
const ROUTE: &str = "checkout-session";

/// How long to wait for a session that another request is making.
const PAUSE: Duration = Duration::from_millis(400);

/// How often others may get in between, each with another session, before we give up.
const ROUNDS: u32 = 4;

/// Three round trips to Stripe in sequence: what there is, ending what differs, the new session;
/// for a new account: the plans, the customer, the session.
///
/// # Errors
/// What the caller is told.
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
    Reply::created(&Shown::of(session, params.ui_mode, call.publishable_key().await?))
}

/// A customer's sessions, newest first.
async fn sessions(
    call: &Call,
    customer: Option<&str>,
) -> Result<Vec<CheckoutSession>, StripeError> {
    let Some(customer) = customer else { return Ok(Vec::new()) };
    let list = ListCheckoutSession::new().customer(customer).limit(MAX_PAGE);
    Ok(call.stripe.send::<List<CheckoutSession>>(&list).await?.data)
}

/// The one open session of this customer: found, or made after all others are ended.
async fn open(
    call: &Call,
    customer: &str,
    offer: &Offer,
    urls: &Urls,
    mut known: Vec<CheckoutSession>,
    operation: &Operation,
) -> Result<CheckoutSession, ApiError> {
    let account = call.caller.account.id.as_str();
    let wanted = Wanted {
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
        // Who races for the same customer has seen the same newest session, and so has the same
        // key: Stripe makes one session of it, the first one's, and refuses the others, who look
        // again then.
        let newest = known.first().map_or("none", |session| session.id.as_str());
        let mut key = format!("checkout-{customer}-{newest}");
        if refused_under.as_ref() == Some(&key) {
            // There is nothing new: the first is still being made, or was refused for good.
            sleep(PAUSE).await;
            if round == ROUNDS {
                key = operation.stripe_key("last-session");
            }
        }
        match create(call, &wanted, &key, operation).await {
            Ok(session) if session.status.as_deref() == Some("open") => return Ok(session),
            // What Stripe remembers to have failed with may be there all the same, and is looked for.
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

/// Makes a session. A refusal may be one of yesterday, which Stripe gives again to the same key even
/// where the reason is gone; so it is asked again under a key of its own.
async fn create(
    call: &Call,
    wanted: &Wanted<'_>,
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

/// Ends a session. One that was completed a moment ago has made a subscription.
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
