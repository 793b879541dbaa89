//! Voiding an invoice, and what that does to its subscription.

use super::balance::change_balance;
use super::latest_invoice::follow_latest_invoice;
use super::pending_update::{self, forget};
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
    if pending_update::waits_for(&sub, id) {
        pending_update::forget(world, &sub.id);
    }
    resume::abandon(world, &sub.id, id);
    if sub.status == Status::Incomplete {
        incomplete_expired(world, sub, at);
    } else {
        follow_latest_invoice(world, &sub.id, at);
    }
}

/// Drops the change that waits, if one does: its invoice is void.
pub fn discard_pending_update(world: &mut World, id: &str, at: Timestamp) {
    let Some(pending) = world.subscription(id).pending_update else { return };
    match world.invoice(&pending.invoice).status {
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
            void(world, &pending.invoice, at);
        }
        InvoiceStatus::Draft | InvoiceStatus::Paid | InvoiceStatus::Void => forget(world, id),
    }
}

pub fn incomplete_expired(world: &mut World, mut sub: Subscription, at: Timestamp) {
    sub.status = Status::IncompleteExpired;
    sub.ended_at = Some(at);
    sub.expires_at = None;
    world.put_subscription(sub);
}
