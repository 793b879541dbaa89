//! One change at a time per customer: acquires the journal, settles what the previous change left, checks this one, and
//! makes it.

use shared::api::idempotency::Operation;
use shared::billing::plan_change::{Change, Effective, state};
use shared::billing::state::BillingState;
use shared::change::{Journal, Phase, respond_to_drop, settle};
use shared::{ApiError, Call, Reply};

use crate::pay::Payer;
use crate::request::{FIELDS, Request};
use crate::{hold, schedule, waiting};

/// The endpoint's name, by which an idempotency key is bound to it.
const ROUTE: &str = "plan-change";

/// Three round trips to Stripe in sequence: the billing, the price, the change. A fourth one swaps metered prices.
///
/// # Errors
/// Those of the contract.
pub async fn plan_change(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&FIELDS)?;
    let request = Request::read(&fields)?;
    // On the heap, because it is large.
    let check = Box::pin(request.check_quote(&call));
    call.change(ROUTE, &fields, check, async |mut journal, billing, operation| {
        let outcome = change(&call, &request, journal.as_mut(), billing, &operation).await;
        (journal, outcome)
    })
    .await
}

async fn change(
    call: &Call,
    request: &Request,
    mut journal: Option<&mut Journal>,
    mut billing: BillingState,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    if let Some(journal) = journal.as_deref_mut()
        && journal.entry().is_some()
    {
        if let Some(own) = recover(call, journal, &billing, operation).await? {
            return own;
        }
        billing = call.billing_state().await?;
    }
    let mut outcome = attempt(call, request, journal.as_deref_mut(), &billing, operation).await;
    if let Ok(None) = outcome {
        billing = call.billing_state().await?;
        outcome = attempt(call, request, journal, &billing, operation).await;
    }
    if outcome.as_ref().is_err_and(ApiError::is_bad_request_to_stripe)
        && is_superseded(call, &billing).await?
    {
        return Err(ApiError::ChangeInProgress);
    }
    // Another change that waits for its payment came in between.
    outcome?.ok_or(ApiError::ChangeInProgress)
}

/// Settles the operation that a previous request left, and stores the response that it is owed. Returns that response if
/// this request is another attempt of the same operation.
async fn recover(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    operation: &Operation,
) -> Result<Option<Result<Reply, ApiError>>, ApiError> {
    let Some(entry) = journal.entry().cloned() else { return Ok(None) };
    let settled = settle(&call.stripe, journal, &billing.subscriptions).await?;
    respond_to_drop(journal, &entry, &settled, &billing.subscriptions).await?;
    let is_own = entry.is_of(operation);
    let owed = waiting::owed(call, journal, billing, &entry, settled, is_own).await;
    match owed {
        Some(Err(error)) if error.is_transient() => {
            // The next request has to find out.
            journal.set(Some(entry));
            Err(error)
        }
        Some(owed) if is_own => Ok(Some(owed)),
        owed => {
            if let Some(owed) = owed {
                journal.respond(&entry, &owed).await?;
            }
            let left = journal.entry().map(|entry| entry.phase);
            // Usage since that change is to be billed at its prices, so they come first.
            if left == Some(Phase::Meters) { Err(unfinished()) } else { Ok(None) }
        }
    }
}

fn unfinished() -> ApiError {
    ApiError::StripeUnavailable("the metered prices of an earlier change were not swapped".into())
}

/// Makes the change. Returns `None` once it has withdrawn another one that waited for its payment: the lines
/// that were restored are billed with this one, so the price is held again.
async fn attempt(
    call: &Call,
    request: &Request,
    journal: Option<&mut Journal>,
    billing: &BillingState,
    operation: &Operation,
) -> Result<Option<Reply>, ApiError> {
    let current = billing.current();
    let offer = request.target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    let quoted = request.open_quote(call, offer).await?;
    let limits = call.config().change_limits;
    let (payment, tiers, effective) = (&billing.payment, &billing.tiers, request.effective);
    let change = Change::of(current.as_ref(), payment, tiers, offer, limits, effective)?;
    let journal = journal.ok_or(ApiError::NoSubscription)?;
    let price = hold::hold(call, &change, quoted.as_ref()).await?;
    if waiting::withdraw_other(call, journal, &change, operation).await? {
        return Ok(None);
    }
    schedule::release_spent(call, journal, &change, operation).await?;
    if effective == Effective::PeriodEnd {
        return schedule::schedule(call, journal, billing, &change, operation).await.map(Some);
    }
    let payer = Payer { call, billing, change: &change, quoted: quoted.as_ref(), operation };
    payer.pay(journal, price).await.map(Some)
}

/// Returns whether somebody else has changed the items meanwhile or canceled the subscription, or a new period has begun,
/// in which Stripe refuses the proration date.
async fn is_superseded(call: &Call, billing: &BillingState) -> Result<bool, ApiError> {
    let now = call.billing_state().await?;
    let items = |billing: &BillingState| {
        let subscription = billing.current()?.subscription;
        let period_ends = subscription.items.data.iter().map(|item| item.current_period_end).max();
        Some((state(subscription), period_ends, subscription.ends_at()))
    };
    Ok(items(&now) != items(billing))
}
