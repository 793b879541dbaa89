//! Changes that wait for their payment: this one, the one of an interrupted request, and another one that this one
//! replaces.

use shared::api::idempotency::Operation;
use shared::billing::invoice::latest_invoice;
use shared::billing::payment::Payment;
use shared::billing::plan_change::{Change, Withdrawal, withdraw};
use shared::billing::state::BillingState;
use shared::billing::subscription::NotChangeable;
use shared::change::{Entry, Journal, Phase, Settled, Work};
use shared::stripe::views::Subscription;
use shared::stripe::{Decline, Details};
use shared::{ApiError, Call, Reply};

use crate::{in_force, reply};

/// Returns the response that a settled operation is owed; `None` if there is none, or somebody has it. `is_own` tells
/// whether this request is an attempt of the operation, so that nobody has its response.
pub async fn owed(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    entry: &Entry,
    settled: Settled,
    is_own: bool,
) -> Option<Result<Reply, ApiError>> {
    match settled {
        Settled::Nothing => None,
        Settled::Scheduled => entry.answer().map(Ok),
        Settled::Applied(changed) => {
            let update = entry.update()?;
            let known = billing.subscriptions.iter().find(|one| one.id == update.subscription);
            let reply =
                in_force::applied(call, journal, billing, update, changed.as_deref().or(known)?)
                    .await;
            changed.map(|_| reply)
        }
        Settled::Declined(error) => Some(Err(error.into())),
        Settled::Waiting if entry.phase == Phase::Waiting && !is_own => None,
        Settled::Waiting => Some(respond_now(call, journal, billing, entry).await),
    }
}

/// Responds to a change that was found waiting.
async fn respond_now(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    entry: &Entry,
) -> Result<Reply, ApiError> {
    let subscription = read(call, journal, entry).await?;
    respond(call, journal, billing, entry, &subscription).await
}

/// Reads the subscription of the entry.
async fn read(call: &Call, journal: &Journal, entry: &Entry) -> Result<Subscription, ApiError> {
    let subscriptions = call.stripe.subscriptions(&journal.customer, Details::None).await?;
    let found = subscriptions.into_iter().find(|one| one.id == entry.work.subscription());
    found.ok_or_else(|| ApiError::Internal("the subscription is not the customer's".into()))
}

/// Responds to a change that waits for its payment. It goes on waiting for an authentication, and for a payment that is
/// processing. After a decline it is withdrawn, so that nothing is left to pay and nothing that a retry would charge.
///
/// # Errors
/// Those of the contract.
pub async fn respond(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    entry: &Entry,
    changed: &Subscription,
) -> Result<Reply, ApiError> {
    let paid_for = entry.update().and_then(|update| Some((update, update.invoice(changed)?)));
    let Some((update, invoice)) = paid_for else {
        return Err(ApiError::Internal("a change waits for no invoice".into()));
    };
    journal.set(Some(entry.clone().waiting(&invoice.id)));
    let payment = Payment::load(&call.stripe, &journal.customer, invoice).await?;
    let decline = match payment {
        Payment::Processing { .. } => {
            return reply::processing(billing, update, changed, &payment);
        }
        Payment::ActionRequired(_) => {
            let url = invoice.hosted_invoice_url.clone();
            return Err(ApiError::PaymentActionRequired { url });
        }
        Payment::None | Payment::Paid | Payment::Failed(_) => {
            payment.failure().unwrap_or_else(Decline::no_payment_method)
        }
    };
    match withdraw_own(call, journal, entry, changed).await? {
        Withdrawal::Done => Err(ApiError::PaymentFailed(Box::new(decline))),
        Withdrawal::Paid => {
            let paid = read(call, journal, entry).await?;
            in_force::applied(call, journal, billing, update, &paid).await
        }
        Withdrawal::Processing => reply::processing(billing, update, changed, &Payment::None),
        Withdrawal::StillOpen => Err(still_open()),
    }
}

/// Withdraws the change of the entry.
///
/// # Errors
/// Those of Stripe.
pub async fn withdraw_own(
    call: &Call,
    journal: &mut Journal,
    entry: &Entry,
    changed: &Subscription,
) -> Result<Withdrawal, ApiError> {
    let paid_for = entry.update().and_then(|update| update.invoice(changed));
    let Some(invoice) = paid_for else { return Ok(Withdrawal::Done) };
    // Once the invoice is void, nothing at Stripe shows that something has to be restored.
    journal.write(entry.clone().waiting(&invoice.id)).await?;
    withdraw_journaled(call, journal, &entry.operation, changed, &invoice.id).await
}

/// Withdraws the pending update of `invoice`, which the journal names, for `operation`, and removes the entry.
async fn withdraw_journaled(
    call: &Call,
    journal: &mut Journal,
    operation: &str,
    subscription: &Subscription,
    invoice: &str,
) -> Result<Withdrawal, ApiError> {
    let key = journal.stripe_key(operation, &format!("void-{invoice}"));
    let customer = journal.customer.as_str();
    let withdrawal = withdraw(&call.stripe, customer, subscription, invoice, &key).await?;
    if withdrawal == Withdrawal::Done {
        journal.set(None);
    }
    Ok(withdrawal)
}

/// Withdraws another change that waits on the subscription. Returns whether there was one.
///
/// # Errors
/// `change_in_progress` if it was paid meanwhile; `subscription_not_changeable` if its payment is processing; those of
/// Stripe.
pub async fn withdraw_other(
    call: &Call,
    journal: &mut Journal,
    change: &Change<'_>,
    operation: &Operation,
) -> Result<bool, ApiError> {
    let subscription = change.subscription;
    let latest = latest_invoice(subscription).filter(|_| subscription.pending_change().is_some());
    let Some(invoice) = latest else { return Ok(false) };
    if journal.entry().is_none() {
        // It was made elsewhere, for example in the billing portal.
        let work = Work::Withdrawal(subscription.id.clone());
        journal.write(Entry::sending(operation, work).waiting(&invoice.id)).await?;
    }
    match withdraw_journaled(call, journal, operation.id(), subscription, &invoice.id).await? {
        Withdrawal::Done => Ok(true),
        Withdrawal::Paid => Err(ApiError::ChangeInProgress),
        Withdrawal::Processing => Err(ApiError::NotChangeable(NotChangeable::PaymentProcessing)),
        Withdrawal::StillOpen => Err(still_open()),
    }
}

fn still_open() -> ApiError {
    ApiError::StripeUnavailable("the invoice of a change that waits could not be voided".into())
}
