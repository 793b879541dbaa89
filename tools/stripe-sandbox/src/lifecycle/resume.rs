//! The way out of a pause: at once, or when the invoice for it is settled or attempted.

use super::draft::invoice_item;
use super::periods::begin_periods;
use super::plan::{Planned, draft};
use crate::engine::proration;
use crate::model::invoice::{Invoice, Line};
use crate::model::subscription::{
    Collection, Item, PauseReason, ProrationBehavior, Resumption, Status, Subscription,
};
use crate::model::words;
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

words!(ResumeOn { Attempt = "resume_on_payment_attempt", Success = "resume_on_payment_success" });

/// How it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The cycle begins anew; otherwise it goes on as if there had been no pause.
    pub anchor_now: bool,
    pub behavior: ProrationBehavior,
    pub date: Option<Timestamp>,
}

/// What resuming makes of the subscription, and the invoice for it.
pub fn plan(world: &mut World, before: &Subscription, way: Way, now: Timestamp) -> Result<Planned> {
    let since = check(before)?;
    let mut planned = Planned::unchanged(before);
    planned.sub.status = Status::Active;
    planned.sub.paused = None;
    if way.anchor_now {
        let lines = begin_periods(world, &mut planned.sub, now);
        count_usage_from(world, &mut planned.sub, now);
        draft(world, before, &mut planned, lines, now);
        return Ok(planned);
    }
    let date = way.date.unwrap_or(now);
    if date < since || date > now {
        return Err(ApiError::invalid(
            "Invalid proration date: it must lie between the pause of the subscription and now.",
        )
        .param("proration_date"));
    }
    planned.date = Some(date);
    let prorated = way.behavior != ProrationBehavior::None;
    for line in go_on(world, &mut planned.sub, prorated, date) {
        let item = invoice_item(world, before, line, now);
        planned.items.push(item);
    }
    count_usage_from(world, &mut planned.sub, now);
    if way.behavior == ProrationBehavior::AlwaysInvoice && !planned.items.is_empty() {
        draft(world, before, &mut planned, Vec::new(), now);
    }
    Ok(planned)
}

/// Since when it has been paused, if it can be resumed.
fn check(sub: &Subscription) -> Result<Timestamp> {
    let refuse = |message: &str| Err(ApiError::invalid(message));
    let Some(paused) = &sub.paused else {
        return refuse("You can only resume a subscription whose status is `paused`.");
    };
    if sub.collection != Collection::Charge {
        return refuse(
            "You can only resume a subscription whose `collection_method` is `charge_automatically`.",
        );
    }
    if sub.resumption.is_some() {
        return refuse(
            "This subscription has an open resumption invoice. Pay it, void it, or mark it uncollectible.",
        );
    }
    Ok(paused.at)
}

/// Every item's period is the one that it would be in, had there been no pause. Charged is the part
/// of it from `date` on that has not been charged already.
fn go_on(world: &World, sub: &mut Subscription, prorated: bool, date: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut snapshot = sub.clone();
    for (index, item) in sub.items.iter_mut().enumerate() {
        let interval = world.context(&snapshot, item).interval();
        item.period = interval.period_at(snapshot.anchor, date);
        snapshot.items[index].period = item.period;
        let from = item.debits.iter().map(|debit| debit.period.1).fold(date, Timestamp::max);
        if !prorated || item.quantity.is_none() || from >= item.period.1 {
            continue;
        }
        let cost = world.cost(&snapshot, &snapshot.items, item, date);
        let (line, debit) = proration::debit(world.context(&snapshot, item), &cost, from);
        item.debits.push(debit);
        lines.push(line);
    }
    lines
}

/// What was used during the pause is not billed.
fn count_usage_from(world: &World, sub: &mut Subscription, now: Timestamp) {
    for item in sub.items.iter_mut().filter(|item: &&mut Item| item.quantity.is_none()) {
        item.usage = world.rest_of_usage(now);
    }
}

pub fn take(world: &World, sub: &str, invoice: &str) -> Option<(Subscription, Resumption)> {
    let mut sub = world.subscription(sub);
    let waits = sub.resumption.as_ref().is_some_and(|way| way.invoice == invoice);
    let resumption = sub.resumption.take_if(|_| waits)?;
    Some((sub, *resumption))
}

/// It is no longer paused, and what it was to become it is.
pub fn carry_out(world: &mut World, mut sub: Subscription, resumption: Resumption, status: Status) {
    sub.items = resumption.next.items;
    sub.anchor = resumption.next.anchor;
    sub.status = status;
    sub.paused = None;
    world.put_subscription(sub);
}

pub fn caused_by(sub: &Subscription, invoice: &str) -> bool {
    let failures = [PauseReason::FirstPaymentFailure, PauseReason::FinalPaymentFailure];
    sub.resumption.is_none()
        && sub.paused.as_ref().is_some_and(|paused| {
            failures.contains(&paused.reason) && paused.invoice.as_deref() == Some(invoice)
        })
}

/// An attempt is enough for some: the subscription goes on and is past due. It is not retried.
pub fn attempt_failed(world: &mut World, invoice: &str, _at: Timestamp) {
    let Invoice { id, subscription: Some(sub), .. } = world.invoice(invoice) else { return };
    let enough = |way: &Resumption| way.invoice == id && !way.needs_success;
    if !world.subscription(&sub).resumption.is_some_and(|way| enough(&way)) {
        return;
    }
    if let Some((sub, resumption)) = take(world, &sub, &id) {
        carry_out(world, sub, resumption, Status::PastDue);
    }
}

/// The invoice is void: it stays paused.
pub fn abandon(world: &mut World, sub: &str, invoice: &str) {
    if let Some((sub, _)) = take(world, sub, invoice) {
        world.put_subscription(sub);
    }
}
