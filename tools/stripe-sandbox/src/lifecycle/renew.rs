//! Renewal of a subscription, and the end of a trial.

use super::cancel::cancel;
use super::draft::NewInvoice;
use super::latest_invoice;
use super::periods::next_periods;
use super::trial::{TrialOutcome, outcome, paid_periods};
use crate::model::invoice::{BillingReason, Line};
use crate::model::subscription::{CancelReason, PauseBehavior, PauseReason, Status, Subscription};
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

pub fn renew(world: &mut World, sub: &Subscription, at: Timestamp) {
    let start = sub
        .items
        .iter()
        .filter(|item| item.period.1 <= at)
        .map(|item| item.period.0)
        .min()
        .unwrap_or(at);
    let (next, lines) = next_periods(world, sub, at);
    create_renewal_invoice(world, next, lines, (start, at), at);
}

/// Ends a trial. Without a payment method the trial settings decide; otherwise the first paid
/// period begins.
pub fn end_trial(world: &mut World, mut sub: Subscription, at: Timestamp) {
    let start = sub.trial.map_or(at, |(start, _)| start);
    match outcome(world, &sub) {
        TrialOutcome::Bills => {}
        TrialOutcome::Cancels => return cancel(world, sub, CancelReason::Requested, at),
        TrialOutcome::Pauses => {
            sub.pause(PauseReason::TrialEndWithoutPaymentMethod, None, at);
            return world.put_subscription(sub);
        }
    }
    let lines = paid_periods(world, &mut sub, at);
    sub.status = Status::Active;
    create_renewal_invoice(world, sub, lines, (start, at), at);
}

/// Creates the renewal's invoice: a draft that finalizes after an hour, unless the subscription is
/// unpaid or its collection is paused with `keep_as_draft`.
pub fn create_renewal_invoice(
    world: &mut World,
    mut sub: Subscription,
    lines: Vec<Line>,
    period: (Timestamp, Timestamp),
    at: Timestamp,
) {
    let pending = world.pending_items(&sub);
    let lines: Vec<Line> = pending.iter().map(|item| item.line.clone()).chain(lines).collect();
    if lines.is_empty() {
        return world.put_subscription(sub);
    }
    let new = NewInvoice { reason: BillingReason::SubscriptionCycle, lines, period, created: at };
    let mut invoice = world.draft_invoice(&sub, new);
    let kept = sub.status == Status::Unpaid
        || matches!(sub.pause_collection, Some((PauseBehavior::KeepAsDraft, _)));
    invoice.schedule_finalization((!kept).then_some(at + HOUR));
    world.attach_items(pending, &invoice.id);
    latest_invoice::store_as_latest(world, &mut sub, invoice);
}
