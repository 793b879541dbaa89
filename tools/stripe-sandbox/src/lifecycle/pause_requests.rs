//! `POST /v1/subscriptions/{id}/pause` and `/resume`.

use super::draft::{link_debits, record_debits};
use super::pause::{self, BillFor};
use super::plan::PlannedChange;
use super::resume::{self, ResumeOptions, ResumePaymentBehavior};
use super::{invoicing, void};
use crate::model::subscription::{PAYMENT_WINDOW, PaymentBehavior, Resumption, Subscription};
use crate::values::errors::Result;
use crate::values::period::Timestamp;
use crate::world::World;

/// Pauses the subscription and discards a pending update.
pub fn pause(world: &mut World, id: &str, bill: BillFor) -> Result<()> {
    let before = world.subscription(id);
    let now = world.now_of(&before.customer);
    let mut planned = pause::plan(world, &before, bill, now)?;
    void::discard_pending_update(world, id, now);
    planned.sub.pending_update = None;
    invoicing::apply_change(world, planned, PaymentBehavior::Allow, now);
    Ok(())
}

/// Resumes the subscription, or stores a resumption if an invoice has to be paid first.
pub fn resume(
    world: &mut World,
    id: &str,
    options: ResumeOptions,
    on: ResumePaymentBehavior,
) -> Result<()> {
    let before = world.subscription(id);
    let now = world.now_of(&before.customer);
    let planned = resume::plan(world, &before, options, now)?;
    if planned.invoice.as_ref().is_some_and(|invoice| invoice.amount_due > 0) {
        hold_resumption(world, before, planned, on, now);
    } else {
        invoicing::apply_change(world, planned, PaymentBehavior::Allow, now);
    }
    Ok(())
}

/// Stores the resumption and finalizes its invoice. The subscription stays paused.
fn hold_resumption(
    world: &mut World,
    mut sub: Subscription,
    planned: PlannedChange,
    on: ResumePaymentBehavior,
    now: Timestamp,
) {
    let PlannedChange { sub: mut next, items, pending_items, invoice, .. } = planned;
    let Some(invoice) = invoice else { return };
    let id = invoice.id.clone();
    world.attach_items(items.into_iter().chain(pending_items).collect(), &id);
    link_debits(&mut next, &invoice);
    record_debits(&mut next, &invoice);
    let needs_success = on == ResumePaymentBehavior::OnSuccess;
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
        invoicing::collect_automatically(world, &id, now);
    }
}
