//! Ends of subscriptions: expiry, cancellation by request and at a scheduled date.

use super::cancel::cancel;
use super::draft::{NewInvoice, invoice_item};
use super::prorate::credit_unused_time;
use super::void::{self, expire_incomplete};
use super::{invoicing, latest_invoice, payments};
use crate::model::invoice::{BillingReason, Line, Status as InvoiceStatus};
use crate::model::subscription::{CancelReason, Status, Subscription};
use crate::values::period::Timestamp;
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

/// Cancels by request. With `prorate`, unused time is credited. With `invoice_now`, pending items
/// and accrued usage are billed.
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
        for line in credit_unused_time(world, &mut sub, |_| Some(now)) {
            let item = invoice_item(world, &sub, line, now);
            world.invoice_items.put(item);
        }
    }
    let id = sub.id.clone();
    let lines = if invoice_now { closing_lines_now(world, &sub, now) } else { Vec::new() };
    cancel(world, sub, CancelReason::Requested, now);
    bill_now(world, &id, lines, now);
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
        let invoice = final_invoice(world, &id, lines, BillingReason::SubscriptionCycle, at);
        if collect_it {
            let mut invoice = world.invoice(&invoice);
            invoice.finalizes_at = Some(at + crate::values::period::HOUR);
            invoice.next_payment_attempt = invoice.finalizes_at;
            invoice.auto_advance = true;
            world.put_invoice(invoice);
        }
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

/// Creates the final invoice of a canceled subscription: a draft that is not collected
/// automatically.
fn final_invoice(
    world: &mut World,
    sub: &str,
    lines: Vec<Line>,
    reason: BillingReason,
    at: Timestamp,
) -> String {
    let mut sub = world.subscription(sub);
    let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(at);
    let pending = world.pending_items(&sub);
    let mut invoice =
        world.draft_invoice(&sub, NewInvoice { reason, lines, period: (start, at), created: at });
    invoice.auto_advance = false;
    world.attach_items(pending, &invoice.id);
    latest_invoice::store_as_latest(world, &mut sub, invoice)
}

/// Bills the lines and attempts a payment immediately.
fn bill_now(world: &mut World, sub: &str, lines: Vec<Line>, at: Timestamp) {
    if lines.is_empty() {
        return;
    }
    let id = final_invoice(world, sub, lines, BillingReason::SubscriptionUpdate, at);
    invoicing::finalize(world, &id, at);
    if world.invoice(&id).status != InvoiceStatus::Open {
        return;
    }
    let mut invoice = world.invoice(&id);
    invoice.attempt_count = 1;
    let method = payments::invoice_payment_method(world, &invoice).cloned();
    world.put_invoice(invoice);
    if let Some(method) = method {
        invoicing::charge(world, &id, &method, at);
    }
}
