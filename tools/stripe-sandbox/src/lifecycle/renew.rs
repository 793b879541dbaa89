//! The end of a period and of a trial: usage of the old one, the price of the new one.

use rust_decimal::Decimal;

use super::draft::NewInvoice;
use super::{collect, end, finalize};
use crate::engine::period::{HOUR, Timestamp};
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{
    CancelReason, Collection, Item, MissingPaymentMethod, PauseBehavior, PauseReason, Status,
    Subscription,
};
use crate::world::World;

impl World {
    /// The lines for what an item's customer used in `period`.
    pub fn usage_lines(
        &self,
        sub: &Subscription,
        item: &Item,
        period: (Timestamp, Timestamp),
    ) -> Vec<Line> {
        let context = self.context(sub, item);
        let meter = context.price.recurring.as_ref().and_then(|recurring| recurring.meter.as_ref());
        let used = meter.and_then(|id| self.meters.get(id)).map_or(Decimal::ZERO, |meter| {
            self.usage.total(&meter.id, &sub.customer, meter.aggregation, period)
        });
        context.usage(used, period)
    }
}

/// The subscription as it is once the periods that end at `at` have been followed by the next ones,
/// and the lines of the invoice for that. Pending items are not among them.
pub fn turn(world: &World, sub: &Subscription, at: Timestamp) -> (Subscription, Vec<Line>) {
    let mut next = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in next.items.iter_mut().zip(&sub.items) {
        if old.period.1 > at {
            continue;
        }
        let context = world.context(sub, old);
        if old.quantity.is_none() {
            lines.extend(world.usage_lines(sub, old, (old.usage_from, at)));
        }
        item.period = context.interval().period_at(sub.anchor, at);
        item.usage_from = at;
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    (next, lines)
}

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

/// A renewal's invoice: a draft for an hour, unless the subscription is unpaid or its collection paused.
fn issue(
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
    finalize::keep_as_latest(world, &mut sub, invoice);
}

fn wait_an_hour(invoice: &mut Invoice, advance: bool, at: Timestamp) {
    invoice.auto_advance = advance;
    invoice.finalizes_at = advance.then_some(at + HOUR);
    invoice.next_payment_attempt =
        invoice.finalizes_at.filter(|_| invoice.collection == Collection::Charge);
}

/// Without a payment method the trial's settings decide; otherwise the first paid period begins.
pub fn end_trial(world: &mut World, mut sub: Subscription, at: Timestamp) {
    let start = sub.trial.map_or(at, |(start, _)| start);
    let payable = sub.collection == Collection::Send || collect::method_of(world, &sub).is_some();
    match sub.missing_payment_method {
        MissingPaymentMethod::Cancel if !payable => {
            return end::cancel(world, sub, CancelReason::Requested, at);
        }
        MissingPaymentMethod::Pause if !payable => {
            sub.status = Status::Paused;
            sub.paused = Some((PauseReason::TrialEndWithoutPaymentMethod, at));
            return world.put_subscription(sub);
        }
        _ => {}
    }
    let lines = begin_periods(world, &mut sub, at);
    sub.status = Status::Active;
    issue(world, sub, lines, (start, at), at);
}

/// All items start a period at `at`, counted from there. What was used before is not billed.
pub fn begin_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    sub.anchor = at;
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, old);
        item.period = context.interval().period_at(at, at);
        item.usage_from = at;
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    lines
}
