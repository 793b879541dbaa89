//! `POST /v1/subscriptions/{id}/pause` and `/resume`.

use super::draft::{name_debits, record_debits};
use super::pause::{self, BillFor};
use super::plan::Planned;
use super::resume::{self, ResumeOn, Way};
use super::{invoicing, void};
use crate::model::subscription::{PAYMENT_WINDOW, PaymentBehavior, Resumption, Subscription};
use crate::values::errors::Result;
use crate::values::period::Timestamp;
use crate::world::World;

/// `POST /v1/subscriptions/{id}/pause`. A change that waits for its payment is dropped.
pub fn pause(world: &mut World, id: &str, bill: BillFor) -> Result<()> {
    let before = world.subscription(id);
    let now = world.now_of(&before.customer);
    let mut planned = pause::plan(world, &before, bill, now)?;
    void::discard_pending_update(world, id, now);
    planned.sub.pending_update = None;
    invoicing::make(world, planned, PaymentBehavior::Allow, now);
    Ok(())
}

/// `POST /v1/subscriptions/{id}/resume`.
pub fn resume(world: &mut World, id: &str, way: Way, on: ResumeOn) -> Result<()> {
    let before = world.subscription(id);
    let now = world.now_of(&before.customer);
    let planned = resume::plan(world, &before, way, now)?;
    if planned.invoice.as_ref().is_some_and(|invoice| invoice.amount_due > 0) {
        wait(world, before, planned, on, now);
    } else {
        invoicing::make(world, planned, PaymentBehavior::Allow, now);
    }
    Ok(())
}

/// Finalises the invoice and leaves the subscription paused until something becomes of that.
fn wait(world: &mut World, mut sub: Subscription, planned: Planned, on: ResumeOn, now: Timestamp) {
    let Planned { sub: mut next, items, waited, invoice, .. } = planned;
    let Some(invoice) = invoice else { return };
    let id = invoice.id.clone();
    world.claim_items(items.into_iter().chain(waited).collect(), &id);
    name_debits(&mut next, &invoice);
    record_debits(&mut next, &invoice);
    let needs_success = on == ResumeOn::Success;
    sub.latest_invoice = Some(id.clone());
    sub.resumption = Some(Box::new(Resumption {
        invoice: id.clone(),
        needs_success,
        expires_at: (!needs_success).then_some(now + PAYMENT_WINDOW),
        next,
    }));
    world.put_invoice(invoice);
    world.put_subscription(sub);
    invoicing::finalize(world, &id, now);
    if needs_success {
        invoicing::automatic(world, &id, now);
    }
}
