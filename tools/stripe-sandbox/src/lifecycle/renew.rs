//! The end of a period and of a trial: usage of the old one, the price of the new one.

use rust_decimal::Decimal;

use super::draft::NewInvoice;
use super::finalize;
use crate::engine::period::{HOUR, Timestamp};
use crate::engine::usage::Unbilled;
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{Collection, Item, PauseBehavior, Status, Subscription};
use crate::world::World;

impl World {
    /// The lines for what an item's customer used in `period`.
    pub fn usage_lines(
        &self,
        sub: &Subscription,
        item: &Item,
        unbilled: Unbilled,
        to: Timestamp,
    ) -> Vec<Line> {
        let used = self.used(sub, item, unbilled, to);
        self.context(sub, item).usage(used, unbilled, to)
    }

    fn used(&self, sub: &Subscription, item: &Item, unbilled: Unbilled, to: Timestamp) -> Decimal {
        let meter = self.price(&item.price).meter().and_then(|id| self.meters.get(id));
        meter.map_or(Decimal::ZERO, |meter| {
            self.usage.total(&meter.id, &sub.customer, meter.aggregation, unbilled, to)
        })
    }

    /// Bills at `now` what was reported while the item's price was in force, for good: these lines
    /// are not counted again. None if nothing was used.
    pub fn closing_usage(&self, sub: &Subscription, item: &Item, now: Timestamp) -> Vec<Line> {
        // Events may be up to five minutes ahead of their time.
        let to = item.period.1;
        let used = self.used(sub, item, item.usage, to);
        if used.is_zero() {
            return Vec::new();
        }
        let mut lines = self.context(sub, item).usage(used, item.usage, to);
        for line in &mut lines {
            line.metered = None;
            line.period.1 = now;
        }
        lines
    }

    /// What is left to be billed of a meter once all that was reported so far has been.
    pub fn rest_of_usage(&self, from: Timestamp) -> Unbilled {
        Unbilled { from, after: self.usage.taken() }
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
            lines.extend(world.usage_lines(sub, old, old.usage, at));
        }
        item.period = context.interval().period_at(sub.anchor, at);
        item.usage = Unbilled::since(at);
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
    finalize::keep_as_latest(world, &mut sub, invoice);
}

fn wait_an_hour(invoice: &mut Invoice, advance: bool, at: Timestamp) {
    invoice.auto_advance = advance;
    invoice.finalizes_at = advance.then_some(at + HOUR);
    invoice.next_payment_attempt =
        invoice.finalizes_at.filter(|_| invoice.collection == Collection::Charge);
}

/// All items start a period at `at`, counted from there. What was used before is not billed.
pub fn begin_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    sub.anchor = at;
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, old);
        item.period = context.interval().period_at(at, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    lines
}
