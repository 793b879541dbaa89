//! Settling the operation that a previous request left in the journal.

use crate::api::error::ApiError;
use crate::billing::invoice::latest_invoice;
use crate::billing::plan_change::{IfIncomplete, Update, is_in_force, is_pending, restore};
use crate::stripe::views::{Expandable, InvoiceStatus, Subscription};
use crate::stripe::{Refusal, Stripe, StripeError};

use super::journal::{Entry, Journal, Phase, Work};

/// The outcome of the operation in the journal.
#[derive(Debug)]
pub enum Settled {
    /// Nothing, and nothing can any more.
    Nothing,
    /// The change is in force, but its metered prices may remain to be swapped ([`swap_meters`]). Contains the subscription
    /// as Stripe changed it, unless Stripe no longer tells.
    Applied(Option<Box<Subscription>>),
    /// The payment was declined, so nothing has changed.
    Declined(StripeError),
    /// The change waits for its payment.
    Waiting,
    /// The change is scheduled for the end of the period.
    Scheduled,
}

/// How the operation shows on its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    InForce,
    Pending,
    None,
}

impl Trace {
    fn of(operation: &str, subscription: &Subscription) -> Self {
        if is_in_force(operation, subscription) {
            Self::InForce
        } else if is_pending(operation, subscription) {
            Self::Pending
        } else {
            Self::None
        }
    }
}

/// Settles the entry of the journal, given the customer's `subscriptions` as they were read since the journal was
/// acquired. Removes it unless the change waits or is in force. The table in ARCHITECTURE.md has each case.
///
/// # Errors
/// `change_in_progress` if Stripe is executing the update; the errors of Stripe and of the table, after which the
/// entry is still there.
pub async fn settle(
    stripe: &Stripe,
    journal: &mut Journal,
    subscriptions: &[Subscription],
) -> Result<Settled, ApiError> {
    let Some(mut entry) = journal.entry().cloned() else { return Ok(Settled::Nothing) };
    let of_entry = |one: &&Subscription| one.id == entry.work.subscription();
    let Some(subscription) = subscriptions.iter().find(of_entry) else {
        journal.set(None);
        return Ok(Settled::Nothing);
    };
    let update = match &entry.work {
        Work::Update(update) => update.clone(),
        Work::Schedule(scheduling) => {
            let operation = &entry.operation;
            let key = journal.stripe_key(operation, "release");
            let settled = scheduling.settle(stripe, operation, subscription, &key).await;
            let is_scheduled = settled.map_err(in_use)?;
            journal.set(None);
            return Ok(if is_scheduled { Settled::Scheduled } else { Settled::Nothing });
        }
        Work::Withdrawal(_) => {
            lapse(stripe, journal, subscription, entry.invoice.as_deref()).await?;
            return Ok(Settled::Nothing);
        }
    };
    match (Trace::of(&entry.operation, subscription), entry.phase) {
        (Trace::InForce, _) => {
            let answer = answer(stripe, &update, subscription).await?;
            Ok(Settled::Applied(answer.map(Box::new)))
        }
        (Trace::Pending, _) => {
            entry.phase = Phase::Waiting;
            let latest = || latest_invoice(subscription).map(|invoice| invoice.id.clone());
            entry.invoice = entry.invoice.or_else(latest);
            journal.set(Some(entry));
            Ok(Settled::Waiting)
        }
        (Trace::None, Phase::Sent) => settle_unseen(stripe, journal, &update, subscription).await,
        (Trace::None, Phase::Waiting) => {
            lapse(stripe, journal, subscription, entry.invoice.as_deref()).await?;
            Ok(Settled::Nothing)
        }
        (Trace::None, Phase::Meters) => {
            journal.set(None);
            Ok(Settled::Nothing)
        }
    }
}

/// Stores the response of the request that dropped what was pending, if it did, unless its caller has one. Given how the
/// entry was settled, and the subscriptions as they were before.
///
/// # Errors
/// `unavailable`, after which the entry is still there.
pub async fn respond_to_drop(
    journal: &mut Journal,
    entry: &Entry,
    settled: &Settled,
    subscriptions: &[Subscription],
) -> Result<(), ApiError> {
    let is_paid = entry.is_dropped_itself() && !matches!(settled, Settled::Nothing);
    if entry.has_dropped(subscriptions) && !is_paid {
        return journal.respond_to_drop(entry).await;
    }
    Ok(())
}

/// Returns the subscription as Stripe changed it, with the invoice of the change; `None` if Stripe no longer tells.
/// `now` is the subscription on which the change is in force. It is the answer itself as long as no other invoice has come
/// after that of the change.
async fn answer(
    stripe: &Stripe,
    update: &Update,
    now: &Subscription,
) -> Result<Option<Subscription>, StripeError> {
    if update.is_latest(now) {
        return Ok(Some(now.clone()));
    }
    if update.is_forgotten() {
        return Ok(None);
    }
    let answer = match update.send(stripe).await {
        Ok(answer) => answer,
        // Stripe has executed the update, and remembers a failure.
        Err(error) if error.is_replayed_failure() => return Ok(None),
        Err(error) => return Err(error),
    };
    if answer.pending_update.is_none() {
        return Ok(Some(answer));
    }
    // It waited at first, and was paid since.
    let mut paid = now.clone();
    paid.latest_invoice = answer.latest_invoice.clone();
    if let Some(invoice) = update.invoice(&answer) {
        let invoice = stripe.invoice(&invoice.id).await?;
        paid.latest_invoice = Some(Expandable::Object(Box::new(invoice)));
    }
    Ok(Some(paid))
}

/// Settles an update that does not show on the subscription: it was never executed, was refused, or waited and lapsed.
async fn settle_unseen(
    stripe: &Stripe,
    journal: &mut Journal,
    update: &Update,
    subscription: &Subscription,
) -> Result<Settled, ApiError> {
    if update.is_forgotten() {
        let invoice = update.invoice(subscription).map(|invoice| invoice.id.as_str());
        let waited = invoice.filter(|_| update.if_incomplete == IfIncomplete::Pending);
        lapse(stripe, journal, subscription, waited).await?;
        return Ok(Settled::Nothing);
    }
    let was_executed = update.burn(stripe).await.map_err(in_use)?;
    if !was_executed {
        journal.set(None);
        return Ok(Settled::Nothing);
    }
    match update.send(stripe).await {
        Ok(answer) if answer.pending_update.is_some() => {
            let invoice = update.invoice(&answer).map(|invoice| invoice.id.as_str());
            lapse(stripe, journal, subscription, invoice).await?;
            Ok(Settled::Nothing)
        }
        Ok(answer) => Ok(Settled::Applied(Some(Box::new(answer)))),
        Err(error) if matches!(error.status(), Some(400..=404)) || error.is_replayed_failure() => {
            journal.set(None);
            let is_declined = matches!(Refusal::of(&error), Some(Refusal::Payment(_)));
            Ok(if is_declined { Settled::Declined(error) } else { Settled::Nothing })
        }
        Err(error) => Err(in_use(error)),
    }
}

/// Returns the error of a call with an idempotency key: Stripe responds 409 while it executes the first request.
fn in_use(error: StripeError) -> ApiError {
    match error.status() {
        Some(409) => ApiError::ChangeInProgress,
        _ => error.into(),
    }
}

/// Restores the restorable lines of a change that no longer waits.
async fn lapse(
    stripe: &Stripe,
    journal: &mut Journal,
    subscription: &Subscription,
    invoice: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(invoice) = invoice {
        let invoice = stripe.invoice(invoice).await?;
        if invoice.status == InvoiceStatus::Void {
            restore(stripe, &journal.customer, subscription, &invoice).await?;
        }
    }
    journal.set(None);
    Ok(())
}

/// The outcome of the second update.
#[derive(Debug)]
pub enum Metered {
    /// The metered prices are the plan's.
    Swapped,
    /// Stripe refused, which is logged and counted.
    Refused,
    /// It has to be repeated, which is logged and counted.
    Unclear(StripeError),
}

/// Sends the second update, if there is anything left to swap.
pub async fn swap_meters(stripe: &Stripe, update: &Update, subscription: &Subscription) -> Metered {
    let Some(second) = update.second(subscription) else { return Metered::Swapped };
    match second.send(stripe).await {
        Ok(_) => Metered::Swapped,
        Err(error) => {
            stripe.count_incomplete();
            let is_refused = matches!(error.status(), Some(400..=404));
            tracing::error!(subscription = subscription.id, is_refused, %error, "the metered prices of a plan change were not swapped");
            if is_refused { Metered::Refused } else { Metered::Unclear(error) }
        }
    }
}
