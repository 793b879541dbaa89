//! Ends of subscriptions: expiry, cancellation by request and at a scheduled date.

use super::cancel::{cancel, cancel_immediately};
use super::draft::{NewInvoice, invoice_item};
use super::latest_invoice;
use super::prorate::credit_unused_time;
use super::void::{self, expire_incomplete};
use crate::model::invoice::{BillingReason, InvoiceItem, Line, Origin, Status as InvoiceStatus};
use crate::model::subscription::{CancelReason, Status, Subscription};
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

/// Expires a subscription whose first invoice was not paid within 23 hours.
pub fn expire(world: &mut World, sub: Subscription, at: Timestamp) {
    let latest = sub.latest_invoice.clone();
    expire_incomplete(world, sub, at);
    if let Some(id) = latest
        && world.invoice(&id).status == InvoiceStatus::Open
    {
        void::void(world, &id, at);
    }
}

/// Cancels by request. With `prorate`, unused time is credited: to the customer's next invoice, or
/// with `invoice_now` on the final invoice together with pending items and accrued usage. The final
/// invoice is a draft for an hour, like that of a renewal.
pub fn cancel_by_request(
    world: &mut World,
    mut sub: Subscription,
    invoice_now: bool,
    prorate: bool,
    now: Timestamp,
) {
    if sub.status == Status::Incomplete {
        return expire(world, sub, now);
    }
    if prorate && sub.status != Status::Trialing {
        let credits = credit_unused_time(world, &mut sub, |_| Some(now));
        let mut items: Vec<InvoiceItem> =
            credits.into_iter().map(|line| invoice_item(world, &sub, line, now)).collect();
        if !invoice_now {
            items.iter_mut().for_each(detach);
        }
        world.put_pending_items(&items);
    }
    let id = sub.id.clone();
    let lines = if invoice_now { closing_lines_now(world, &sub, now) } else { Vec::new() };
    cancel_immediately(world, sub, now);
    if !lines.is_empty() {
        final_invoice(world, &id, lines, true, now);
    }
}

/// Detaches a pending item from its subscription, which creates no more invoices.
fn detach(item: &mut InvoiceItem) {
    item.subscription = None;
    item.line.origin = Origin::InvoiceItem { invoice_item: item.id.clone(), subscription: None };
}

/// Cancels at the scheduled date and bills accrued usage and pending items.
pub fn cancel_at_scheduled_date(world: &mut World, sub: Subscription, at: Timestamp) {
    let was_trial = sub.status == Status::Trialing;
    let id = sub.id.clone();
    let lines = if was_trial || sub.status == Status::Paused {
        Vec::new()
    } else {
        closing_lines(world, &sub, at)
    };
    let collect_it = sub.status != Status::Unpaid && sub.pause_collection.is_none();
    cancel(world, sub, CancelReason::Requested, at);
    if !lines.is_empty() {
        final_invoice(world, &id, lines, collect_it, at);
    }
}

/// Returns the closing lines for a cancellation now. Usage within the current second counts.
pub fn closing_lines_now(world: &World, sub: &Subscription, now: Timestamp) -> Vec<Line> {
    let mut lines = closing_lines(world, sub, now + 1);
    for line in lines.iter_mut().filter(|line| line.metered.is_some()) {
        line.period.1 = now;
        // Finalizing must not count this usage again.
        line.metered = None;
    }
    lines
}

/// Returns lines for the pending items and the accrued usage before `at`.
pub fn closing_lines(world: &World, sub: &Subscription, at: Timestamp) -> Vec<Line> {
    let mut lines: Vec<Line> = world.pending_items(sub).into_iter().map(|item| item.line).collect();
    for item in sub.items.iter().filter(|item| item.quantity.is_none()) {
        lines.extend(world.usage_lines(sub, item, item.usage, at));
    }
    lines
}

/// Creates the final invoice of a canceled subscription: a draft that finalizes after an hour, or
/// stays a draft without `advance`.
fn final_invoice(world: &mut World, sub: &str, lines: Vec<Line>, advance: bool, at: Timestamp) {
    let mut sub = world.subscription(sub);
    let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(at);
    let pending = world.pending_items(&sub);
    let reason = BillingReason::SubscriptionCycle;
    let mut invoice =
        world.draft_invoice(&sub, NewInvoice { reason, lines, period: (start, at), created: at });
    invoice.schedule_finalization(advance.then_some(at + HOUR));
    world.attach_items(pending, &invoice.id);
    latest_invoice::store_as_latest(world, &mut sub, invoice);
}
