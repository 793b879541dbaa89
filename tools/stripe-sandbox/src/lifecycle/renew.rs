//! The end of a period and of a trial: usage of the old one, the price of the new one.

use super::cancel::cancel;
use super::draft::NewInvoice;
use super::periods::turn;
use super::trial::paid_periods;
use super::{latest_invoice, pause, payments};
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{
    CancelReason, Collection, MissingPaymentMethod, PauseBehavior, PauseReason, Status,
    Subscription,
};
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
    let (next, lines) = turn(world, sub, at);
    issue(world, next, lines, (start, at), at);
}

/// Without a payment method the trial's settings decide; otherwise the first paid period begins.
pub fn end_trial(world: &mut World, mut sub: Subscription, at: Timestamp) {
    let start = sub.trial.map_or(at, |(start, _)| start);
    let payable = sub.collection == Collection::Send || payments::method_of(world, &sub).is_some();
    match sub.trial_settings.missing_payment_method {
        MissingPaymentMethod::Cancel if !payable => {
            return cancel(world, sub, CancelReason::Requested, at);
        }
        MissingPaymentMethod::Pause if !payable => {
            pause::begin(&mut sub, PauseReason::TrialEndWithoutPaymentMethod, None, at);
            return world.put_subscription(sub);
        }
        _ => {}
    }
    let lines = paid_periods(world, &mut sub, at);
    sub.status = Status::Active;
    issue(world, sub, lines, (start, at), at);
}

/// A renewal's invoice: a draft for an hour, unless the subscription is unpaid or its collection paused.
pub fn issue(
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
    let mut invoice = world.draft(&sub, new);
    let kept = sub.status == Status::Unpaid
        || matches!(sub.pause_collection, Some((PauseBehavior::KeepAsDraft, _)));
    wait_an_hour(&mut invoice, !kept, at);
    world.claim_items(pending, &invoice.id);
    latest_invoice::keep_as_latest(world, &mut sub, invoice);
}

fn wait_an_hour(invoice: &mut Invoice, advance: bool, at: Timestamp) {
    invoice.auto_advance = advance;
    invoice.finalizes_at = advance.then_some(at + HOUR);
    invoice.next_payment_attempt =
        invoice.finalizes_at.filter(|_| invoice.collection == Collection::Charge);
}
