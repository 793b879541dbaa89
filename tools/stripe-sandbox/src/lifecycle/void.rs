//! Voiding an invoice, and the effect on its subscription.

use super::balance::change_balance;
use super::latest_invoice::update_status_from_latest;
use super::pending_update::{self, clear};
use super::{payments, resume};
use crate::model::customer::BalanceReason;
use crate::model::invoice::{PaymentStatus, Status as InvoiceStatus};
use crate::model::subscription::{Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

pub fn void(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Void;
    invoice.transitions.voided = Some(at);
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    invoice.uncollectible_reason = None;
    let restored = invoice.applied_balance();
    let (sub, customer) = (invoice.subscription.clone(), invoice.customer.clone());
    world.put_invoice(invoice);
    change_balance(world, &customer, restored, BalanceReason::UnappliedFromInvoice, Some(id), at);
    payments::close_payment(world, id, PaymentStatus::Canceled, at);
    let Some(sub) = sub.map(|sub| world.subscription(&sub)) else { return };
    if pending_update::is_pending_invoice(&sub, id) {
        pending_update::clear(world, &sub.id);
    }
    resume::cancel_resumption(world, &sub.id, id);
    if sub.status == Status::Incomplete {
        expire_incomplete(world, sub, at);
    } else {
        update_status_from_latest(world, &sub.id, at);
    }
}

/// Discards the pending update, if there is one, and voids its invoice.
pub fn discard_pending_update(world: &mut World, id: &str, at: Timestamp) {
    let Some(pending) = world.subscription(id).pending_update else { return };
    match world.invoice(&pending.invoice).status {
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
            void(world, &pending.invoice, at);
        }
        InvoiceStatus::Draft | InvoiceStatus::Paid | InvoiceStatus::Void => clear(world, id),
    }
}

pub fn expire_incomplete(world: &mut World, mut sub: Subscription, at: Timestamp) {
    sub.status = Status::IncompleteExpired;
    sub.ended_at = Some(at);
    sub.expires_at = None;
    world.put_subscription(sub);
}
