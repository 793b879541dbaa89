//! Keeps a change as a pending update until its invoice is paid.

use super::draft::{name_debits, record_debits};
use super::invoicing;
use super::plan::Planned;
use super::update::Update;
use super::void::discard_pending_update;
use crate::model::subscription::{PAYMENT_WINDOW, PendingUpdate, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Keeps the change and its invoice, which is attempted once. The subscription stays as it is.
pub fn park(world: &mut World, id: &str, planned: Planned, update: &Update, now: Timestamp) {
    let Planned { sub: mut next, items, waited, invoice, swept, reset, .. } = planned;
    let Some(mut invoice) = invoice else { return };
    discard_pending_update(world, id, now);
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
    invoicing::finalize(world, &id, now);
    invoicing::automatic(world, &id, now);
}

fn expiry(sub: &Subscription, update: &Update, now: Timestamp) -> Timestamp {
    let trial = sub.trial.map(|(_, end)| end).filter(|end| *end > now);
    let wished = update.wish.trial_end.map(|end| end.at(now)).filter(|end| *end > now);
    [trial, wished, sub.next_period_end()]
        .into_iter()
        .flatten()
        .fold(now + PAYMENT_WINDOW, Timestamp::min)
}
