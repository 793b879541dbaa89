//! Resumption of a paused subscription.

use super::draft::invoice_item;
use super::periods::start_periods;
use super::plan::{PlannedChange, draft_change_invoice};
use crate::engine::proration;
use crate::model::invoice::{Invoice, Line};
use crate::model::string_enum;
use crate::model::subscription::{
    Collection, Item, PauseReason, ProrationBehavior, Resumption, Status, Subscription,
};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

string_enum!(ResumePaymentBehavior { OnAttempt = "resume_on_payment_attempt", OnSuccess = "resume_on_payment_success" });

/// Options of a resumption.
#[derive(Clone, Copy, Debug)]
pub struct ResumeOptions {
    /// Restart the billing cycle now. Otherwise the previous cycle continues.
    pub anchor_now: bool,
    pub behavior: ProrationBehavior,
    pub date: Option<Timestamp>,
}

/// Plans a resumption: the active subscription and its invoice.
pub fn plan(
    world: &mut World,
    before: &Subscription,
    options: ResumeOptions,
    now: Timestamp,
) -> Result<PlannedChange> {
    let since = check(before)?;
    let mut planned = PlannedChange::unchanged(before);
    planned.sub.status = Status::Active;
    planned.sub.paused = None;
    if options.anchor_now {
        let lines = start_periods(world, &mut planned.sub, now);
        skip_usage_until(world, &mut planned.sub, now);
        draft_change_invoice(world, before, &mut planned, lines, now);
        return Ok(planned);
    }
    let date = options.date.unwrap_or(now);
    if date < since || date > now {
        return Err(ApiError::invalid(
            "Invalid proration date: it must lie between the pause of the subscription and now.",
        )
        .param("proration_date"));
    }
    planned.date = Some(date);
    let prorated = options.behavior != ProrationBehavior::None;
    for line in continue_periods(world, &mut planned.sub, prorated, date) {
        let item = invoice_item(world, before, line, now);
        planned.items.push(item);
    }
    skip_usage_until(world, &mut planned.sub, now);
    if options.behavior == ProrationBehavior::AlwaysInvoice && !planned.items.is_empty() {
        draft_change_invoice(world, before, &mut planned, Vec::new(), now);
    }
    Ok(planned)
}

/// Returns the start of the pause, or an error if the subscription cannot be resumed.
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

/// Continues the previous cycle: sets each item's current period, and charges the part after `date`
/// that was not charged before the pause.
fn continue_periods(
    world: &World,
    sub: &mut Subscription,
    prorated: bool,
    date: Timestamp,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut snapshot = sub.clone();
    for (index, item) in sub.items.iter_mut().enumerate() {
        let interval = world.item_context(&snapshot, item).interval();
        item.period = interval.period_at(snapshot.anchor, date);
        snapshot.items[index].period = item.period;
        let from = item.debits.iter().map(|debit| debit.period.1).fold(date, Timestamp::max);
        if !prorated || item.quantity.is_none() || from >= item.period.1 {
            continue;
        }
        let cost = world.period_cost(&snapshot, &snapshot.items, item, date);
        let (line, debit) = proration::debit(world.item_context(&snapshot, item), &cost, from);
        item.debits.push(debit);
        lines.push(line);
    }
    lines
}

/// Usage during the pause is not billed.
fn skip_usage_until(world: &World, sub: &mut Subscription, now: Timestamp) {
    for item in sub.items.iter_mut().filter(|item: &&mut Item| item.quantity.is_none()) {
        item.usage = world.skip_reported_usage(now);
    }
}

pub fn take_resumption(
    world: &World,
    sub: &str,
    invoice: &str,
) -> Option<(Subscription, Resumption)> {
    let mut sub = world.subscription(sub);
    let waits = sub.resumption.as_ref().is_some_and(|resumption| resumption.invoice == invoice);
    let resumption = sub.resumption.take_if(|_| waits)?;
    Some((sub, *resumption))
}

/// Applies the resumption to the subscription.
pub fn complete_resumption(
    world: &mut World,
    mut sub: Subscription,
    resumption: Resumption,
    status: Status,
) {
    sub.items = resumption.next.items;
    sub.anchor = resumption.next.anchor;
    sub.status = status;
    sub.paused = None;
    world.put_subscription(sub);
}

pub fn is_paused_by(sub: &Subscription, invoice: &str) -> bool {
    let failures = [PauseReason::FirstPaymentFailure, PauseReason::FinalPaymentFailure];
    sub.resumption.is_none()
        && sub.paused.as_ref().is_some_and(|paused| {
            failures.contains(&paused.reason) && paused.invoice.as_deref() == Some(invoice)
        })
}

/// Resumes with this status after an attempt whose payment is not made yet, if the resumption needs
/// no successful payment.
pub fn resume_after_attempt(world: &mut World, invoice: &str, status: Status) {
    let Invoice { id, subscription: Some(sub), .. } = world.invoice(invoice) else { return };
    let enough = |resumption: &Resumption| resumption.invoice == id && !resumption.needs_success;
    if !world.subscription(&sub).resumption.is_some_and(|resumption| enough(&resumption)) {
        return;
    }
    if let Some((sub, resumption)) = take_resumption(world, &sub, &id) {
        complete_resumption(world, sub, resumption, status);
    }
}

/// Drops the resumption of a voided invoice. The subscription stays paused.
pub fn cancel_resumption(world: &mut World, sub: &str, invoice: &str) {
    if let Some((sub, _)) = take_resumption(world, sub, invoice) {
        world.put_subscription(sub);
    }
}
