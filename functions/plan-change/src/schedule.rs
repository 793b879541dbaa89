//! A change at the end of the period: creates a schedule, then adds the phase of the new plan.
//!
//! Nothing is charged. If the request is cut off in between, the next one releases the schedule, which changes nothing
//! until then: only the journal knows that it is ours.

use shared::api::idempotency::Operation;
use shared::billing::plan_change::{Change, Scheduling, add_phase, release};
use shared::billing::schedule::spent_schedule;
use shared::billing::state::BillingState;
use shared::change::{Entry, Journal, Work};
use shared::{ApiError, Call, Reply, StripeError};

use crate::reply;

/// Schedules the change.
///
/// # Errors
/// Those of the contract.
pub async fn schedule(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    change: &Change<'_>,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    let stripe = &call.stripe;
    let key = |journal: &Journal, step| journal.stripe_key(operation.id(), step);
    let scheduling = Scheduling::new(change, key(journal, "s1"));
    let entry = |scheduling| Entry::sending(operation, Work::Schedule(scheduling));
    journal.write(entry(scheduling.clone())).await?;
    let draft = match scheduling.create(stripe).await {
        Ok(draft) => draft,
        Err(error) if is_refused(&error) => {
            journal.set(None);
            return Err(error.into());
        }
        Err(error) => return Err(unclear(error)),
    };
    let reply = reply::scheduled(billing, &scheduling, draft.ends_at()?)?;
    journal.write(entry(scheduling.known(&draft)).answered(&reply)).await?;
    let mark = (operation.id(), operation.attribution());
    match add_phase(stripe, change, &draft, mark, key(journal, "s2")).await {
        Ok(_) => {
            journal.set(None);
            Ok(reply)
        }
        Err(error) if is_refused(&error) => {
            release(stripe, &draft.id, &key(journal, "s3")).await?;
            journal.set(None);
            Err(error.into())
        }
        Err(error) => Err(unclear(error)),
    }
}

/// Releases the subscription from a schedule of this API whose last phase has begun. Stripe would refuse the change, or
/// revert it at the end of the phase.
///
/// # Errors
/// Those of Stripe.
pub async fn release_spent(
    call: &Call,
    journal: &Journal,
    change: &Change<'_>,
    operation: &Operation,
) -> Result<(), ApiError> {
    let Some(id) = spent_schedule(change.subscription) else { return Ok(()) };
    let key = journal.stripe_key(operation.id(), "spent");
    Ok(release(&call.stripe, id, &key).await?)
}

/// Returns whether Stripe has changed nothing.
fn is_refused(error: &StripeError) -> bool {
    matches!(error.status(), Some(400..=404))
}

/// Returns the error of a request that may have been executed. The next request settles it.
fn unclear(error: StripeError) -> ApiError {
    match error.code() {
        Some("lock_timeout") => ApiError::ChangeInProgress,
        _ => error.into(),
    }
}
