//! Pending updates (`payment_behavior=pending_if_incomplete`).

use super::cancellation::set_cancellation;
use super::discounts::count_new_redemptions;
use super::draft::invoice_item;
use crate::model::subscription::{PendingUpdate, Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Returns whether the invoice is that of the subscription's pending update.
pub fn is_pending_invoice(sub: &Subscription, invoice: &str) -> bool {
    sub.pending_update.as_ref().is_some_and(|pending| pending.invoice == invoice)
}

/// Returns the balance that the invoice of the pending update used.
pub fn held_balance(world: &World, sub: &Subscription) -> i64 {
    sub.pending_update
        .as_ref()
        .map_or(0, |pending| world.invoice(&pending.invoice).applied_balance())
}

/// Removes the pending update.
pub fn clear(world: &mut World, id: &str) {
    let mut sub = world.subscription(id);
    sub.pending_update = None;
    world.put_subscription(sub);
}

/// Applies the pending update after its invoice was paid.
pub fn apply(world: &mut World, id: &str, at: Timestamp) {
    let before = world.subscription(id);
    let mut sub = before.clone();
    let Some(pending) = sub.pending_update.take() else { return };
    let PendingUpdate { mut next, billed_usage, .. } = *pending;
    bill_usage_while_pending(world, &sub, &mut next, &billed_usage, at);
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
    count_new_redemptions(world, &before, &sub);
    world.put_subscription(sub);
}

/// Bills the usage since the request at the old prices, which were in force until now.
fn bill_usage_while_pending(
    world: &mut World,
    sub: &Subscription,
    next: &mut Subscription,
    billed_usage: &[String],
    at: Timestamp,
) {
    for old in sub.items.iter().filter(|item| billed_usage.contains(&item.id)) {
        for line in world.closing_usage(sub, old, at) {
            let item = invoice_item(world, sub, line, at);
            world.invoice_items.put(item);
        }
    }
    let begins = |id: &String| billed_usage.contains(id) || sub.item(id).is_none();
    for item in next.items.iter_mut().filter(|item| item.quantity.is_none() && begins(&item.id)) {
        item.usage = world.skip_reported_usage(item.usage.from);
    }
}
