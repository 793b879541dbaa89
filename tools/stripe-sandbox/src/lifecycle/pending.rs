//! Changes that wait for their invoice to be paid (`payment_behavior=pending_if_incomplete`).

use super::change::{Update, set_cancellation};
use super::discounts::count_new;
use super::draft::{name_debits, record_debits};
use super::plan::{Planned, invoice_item};
use super::subscribe::PATIENCE;
use super::{collect, finalize};
use crate::engine::period::Timestamp;
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::subscription::{PendingUpdate, Status, Subscription};
use crate::world::World;

/// Keeps the change and its invoice, which is attempted once. The subscription stays as it is.
pub fn park(world: &mut World, id: &str, planned: Planned, update: &Update, now: Timestamp) {
    let Planned { sub: mut next, items, waited, invoice, swept, reset, .. } = planned;
    let Some(mut invoice) = invoice else { return };
    discard(world, id, now);
    next.pending_update = None;
    let mut sub = world.subscription(id);
    for item in sub.items.iter_mut().filter(|item| swept.contains(&item.id)) {
        // It is on the invoice, whatever becomes of that.
        item.usage = world.rest_of_usage(item.usage.from);
    }
    invoice.subscription_metadata.clone_from(&sub.metadata);
    for item in &items {
        world.invoice_items.put(item.clone());
    }
    world.claim_items(items.into_iter().chain(waited).collect(), &invoice.id);
    name_debits(&mut next, &invoice);
    record_debits(&mut next, &invoice);
    let id = invoice.id.clone();
    sub.latest_invoice = Some(id.clone());
    sub.pending_update = Some(Box::new(PendingUpdate {
        invoice: id.clone(),
        expires_at: expiry(&sub, update, now),
        reset,
        trial_end: update.wish.trial_end.map(|end| end.at(now)),
        metadata: update.metadata.clone(),
        cancel_at_period_end: update.cancel_at_period_end,
        discounts: update.discounts.as_ref().map(|_| next.discounts.clone()),
        swept,
        next,
    }));
    world.put_invoice(invoice);
    world.put_subscription(sub);
    finalize::finalize(world, &id, now);
    collect::automatic(world, &id, now);
}

fn expiry(sub: &Subscription, update: &Update, now: Timestamp) -> Timestamp {
    let trial = sub.trial.map(|(_, end)| end).filter(|end| *end > now);
    let wished = update.wish.trial_end.map(|end| end.at(now)).filter(|end| *end > now);
    [trial, wished, sub.next_period_end()]
        .into_iter()
        .flatten()
        .fold(now + PATIENCE, Timestamp::min)
}

/// Whether a change waits for this invoice.
pub fn waits_for(sub: &Subscription, invoice: &str) -> bool {
    sub.pending_update.as_ref().is_some_and(|pending| pending.invoice == invoice)
}

/// What the invoice of a waiting change has taken from the customer's balance.
pub fn held_balance(world: &World, sub: &Subscription) -> i64 {
    sub.pending_update
        .as_ref()
        .map_or(0, |pending| world.invoice(&pending.invoice).applied_balance())
}

/// Drops the change that waits, if one does: its invoice is void.
pub fn discard(world: &mut World, id: &str, at: Timestamp) {
    let Some(pending) = world.subscription(id).pending_update else { return };
    match world.invoice(&pending.invoice).status {
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
            finalize::void(world, &pending.invoice, at);
        }
        InvoiceStatus::Draft | InvoiceStatus::Paid | InvoiceStatus::Void => forget(world, id),
    }
}

/// The invoice is void: nothing waits any more.
pub fn forget(world: &mut World, id: &str) {
    let mut sub = world.subscription(id);
    sub.pending_update = None;
    world.put_subscription(sub);
}

/// The invoice is paid: the subscription becomes what it would have become at once.
pub fn apply(world: &mut World, id: &str, at: Timestamp) {
    let before = world.subscription(id);
    let mut sub = before.clone();
    let Some(pending) = sub.pending_update.take() else { return };
    let PendingUpdate { mut next, swept, .. } = *pending;
    bill_usage_since(world, &sub, &mut next, &swept, at);
    sub.items = next.items;
    sub.anchor = next.anchor;
    if pending.trial_end.is_some() {
        sub.trial = next.trial;
        if [sub.status, next.status].contains(&Status::Trialing) {
            sub.status = next.status;
        }
    }
    if let Some(change) = pending.metadata {
        change.apply(&mut sub.metadata);
    }
    if let Some(discounts) = pending.discounts {
        sub.discounts = discounts;
    }
    set_cancellation(&mut sub, pending.cancel_at_period_end, None, at);
    count_new(world, &before, &sub);
    world.put_subscription(sub);
}

/// While the change waited the old prices were in force, and usage was counted by them.
fn bill_usage_since(
    world: &mut World,
    sub: &Subscription,
    next: &mut Subscription,
    swept: &[String],
    at: Timestamp,
) {
    for old in sub.items.iter().filter(|item| swept.contains(&item.id)) {
        for line in world.closing_usage(sub, old, at) {
            let item = invoice_item(world, sub, line, at);
            world.invoice_items.put(item);
        }
    }
    let begins = |id: &String| swept.contains(id) || sub.item(id).is_none();
    for item in next.items.iter_mut().filter(|item| item.quantity.is_none() && begins(&item.id)) {
        item.usage = world.rest_of_usage(item.usage.from);
    }
}
