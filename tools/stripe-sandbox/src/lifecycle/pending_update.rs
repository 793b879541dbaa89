//! Changes that wait for their invoice to be paid (`payment_behavior=pending_if_incomplete`).

use super::cancellation::set_cancellation;
use super::discounts::count_new;
use super::draft::invoice_item;
use crate::model::subscription::{PendingUpdate, Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

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
