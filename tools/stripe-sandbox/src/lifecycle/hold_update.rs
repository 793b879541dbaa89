//! Stores a change as a pending update until its invoice is paid.

use super::draft::{link_debits, record_debits};
use super::invoicing;
use super::plan::PlannedChange;
use super::update::Update;
use super::void::discard_pending_update;
use crate::model::subscription::{PAYMENT_WINDOW, PendingUpdate, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Stores the pending update and its invoice, and attempts one payment. The subscription itself
/// does not change.
pub fn hold_until_paid(
    world: &mut World,
    id: &str,
    planned: PlannedChange,
    update: &Update,
    now: Timestamp,
) {
    let PlannedChange { sub: mut next, items, pending_items, invoice, billed_usage, reset, .. } =
        planned;
    let Some(mut invoice) = invoice else { return };
    discard_pending_update(world, id, now);
    next.pending_update = None;
    let mut sub = world.subscription(id);
    for item in sub.items.iter_mut().filter(|item| billed_usage.contains(&item.id)) {
        // This usage is on the invoice. It is not billed again, even if the invoice is voided.
        item.usage = world.skip_reported_usage(item.usage.from);
    }
    invoice.subscription_metadata.clone_from(&sub.metadata);
    world.put_pending_items(&items);
    world.attach_items(items.into_iter().chain(pending_items).collect(), &invoice.id);
    link_debits(&mut next, &invoice);
    record_debits(&mut next, &invoice);
    let id = invoice.id.clone();
    sub.latest_invoice = Some(id.clone());
    sub.pending_update = Some(Box::new(PendingUpdate {
        invoice: id.clone(),
        expires_at: expiry(&sub, update, now),
        reset,
        trial_end: update.billing.trial_end.map(|end| end.at(now)),
        metadata: update.metadata.clone(),
        cancel_at_period_end: update.cancel_at_period_end,
        discounts: update.discounts.as_ref().map(|_| next.discounts.clone()),
        billed_usage,
        next,
    }));
    world.put_invoice(invoice);
    world.put_subscription(sub);
    invoicing::finalize(world, &id, now);
    invoicing::collect_automatically(world, &id, now);
}

fn expiry(sub: &Subscription, update: &Update, now: Timestamp) -> Timestamp {
    let trial = sub.trial.map(|(_, end)| end).filter(|end| *end > now);
    let requested = update.billing.trial_end.map(|end| end.at(now)).filter(|end| *end > now);
    [trial, requested, sub.next_period_end()]
        .into_iter()
        .flatten()
        .fold(now + PAYMENT_WINDOW, Timestamp::min)
}
