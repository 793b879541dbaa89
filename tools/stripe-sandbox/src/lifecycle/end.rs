//! How subscriptions end.

use super::cancel::cancel;
use super::draft::{NewInvoice, invoice_item};
use super::prorate::give_back;
use super::void::{self, incomplete_expired};
use super::{invoicing, latest_invoice, payments};
use crate::model::invoice::{BillingReason, Line, Status as InvoiceStatus};
use crate::model::subscription::{CancelReason, Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Nobody paid the first invoice within 23 hours.
pub fn expire(world: &mut World, sub: Subscription, at: Timestamp) {
    let latest = sub.latest_invoice.clone();
    incomplete_expired(world, sub, at);
    if let Some(id) = latest
        && world.invoice(&id).status == InvoiceStatus::Open
    {
        void::void(world, &id, at);
    }
}

/// Somebody wants it to end now. Unused time is credited and what is not billed yet is billed only if
/// that is asked for as well.
pub fn by_request(
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
        for line in give_back(world, &mut sub, |_| Some(now)) {
            let item = invoice_item(world, &sub, line, now);
            world.invoice_items.put(item);
        }
    }
    let id = sub.id.clone();
    let lines = if invoice_now { closing_lines_now(world, &sub, now) } else { Vec::new() };
    cancel(world, sub, CancelReason::Requested, now);
    self::invoice_now(world, &id, lines, now);
}

/// The date that it was to end at has come: usage not yet billed and pending items go on a last invoice.
pub fn at_scheduled_date(world: &mut World, sub: Subscription, at: Timestamp) {
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
        let invoice = last_invoice(world, &id, lines, BillingReason::SubscriptionCycle, at);
        if collect_it {
            let mut invoice = world.invoice(&invoice);
            invoice.finalizes_at = Some(at + crate::values::period::HOUR);
            invoice.next_payment_attempt = invoice.finalizes_at;
            invoice.auto_advance = true;
            world.put_invoice(invoice);
        }
    }
}

/// Like [`closing_lines`], for an end in the middle of a second: what was used in it counts as well.
pub fn closing_lines_now(world: &World, sub: &Subscription, now: Timestamp) -> Vec<Line> {
    let mut lines = closing_lines(world, sub, now + 1);
    for line in lines.iter_mut().filter(|line| line.metered.is_some()) {
        line.period.1 = now;
        // Counted for good: finalising the invoice must not count it again.
        line.metered = None;
    }
    lines
}

/// Pending items and usage up to `at`.
pub fn closing_lines(world: &World, sub: &Subscription, at: Timestamp) -> Vec<Line> {
    let mut lines: Vec<Line> = world.pending_items(sub).into_iter().map(|item| item.line).collect();
    for item in sub.items.iter().filter(|item| item.quantity.is_none()) {
        lines.extend(world.usage_lines(sub, item, item.usage, at));
    }
    lines
}

/// A last invoice of a subscription that has just ended; a draft that is not collected by itself.
fn last_invoice(
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
        world.draft(&sub, NewInvoice { reason, lines, period: (start, at), created: at });
    invoice.auto_advance = false;
    world.claim_items(pending, &invoice.id);
    latest_invoice::keep_as_latest(world, &mut sub, invoice)
}

/// `DELETE` with `invoice_now`: what is not billed yet is billed and collected at once.
pub fn invoice_now(world: &mut World, sub: &str, lines: Vec<Line>, at: Timestamp) {
    if lines.is_empty() {
        return;
    }
    let id = last_invoice(world, sub, lines, BillingReason::SubscriptionUpdate, at);
    invoicing::finalize(world, &id, at);
    if world.invoice(&id).status != InvoiceStatus::Open {
        return;
    }
    let mut invoice = world.invoice(&id);
    invoice.attempt_count = 1;
    let method = payments::default_method(world, &invoice).cloned();
    world.put_invoice(invoice);
    if let Some(method) = method {
        invoicing::charge(world, &id, &method, at);
    }
}
