//! The latest invoice of a subscription, and its effect on the status.

use super::draft::{link_debits, record_debits};
use super::{payments, pending_update};
use crate::model::invoice::{Invoice, Status as InvoiceStatus};
use crate::model::subscription::{Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Stores a draft as the subscription's latest invoice.
pub fn store_as_latest(world: &mut World, sub: &mut Subscription, invoice: Invoice) -> String {
    record_debits(sub, &invoice);
    link_debits(sub, &invoice);
    let id = invoice.id.clone();
    sub.latest_invoice = Some(id.clone());
    world.put_invoice(invoice);
    world.put_subscription(sub.clone());
    id
}

/// Activates the subscription of a first invoice whose payment is processing.
/// <https://docs.stripe.com/billing/subscriptions/overview#payment-status>
pub fn activate_while_processing(world: &mut World, invoice: &str) {
    let Some(sub) = world.invoice(invoice).subscription else { return };
    let mut sub = world.subscription(&sub);
    if sub.status == Status::Incomplete {
        sub.status = Status::Active;
        sub.expires_at = None;
        world.put_subscription(sub);
    }
}

/// Updates the status from the latest invoice that is not void. A renewal's draft counts only if it
/// does not finalize automatically, as drafts of unpaid subscriptions. The invoice of a pending
/// update does not count.
pub fn update_status_from_latest(world: &mut World, id: &str, _at: Timestamp) {
    let mut sub = world.subscription(id);
    if !matches!(sub.status, Status::Active | Status::Incomplete | Status::PastDue | Status::Unpaid)
    {
        return;
    }
    let waiting =
        |invoice: &&Invoice| invoice.status == InvoiceStatus::Draft && invoice.auto_advance;
    let latest = world
        .invoices()
        .under(&format!("subscription={id}"))
        .rev()
        .filter(|invoice| !pending_update::is_pending_invoice(&sub, &invoice.id))
        .find(|invoice| invoice.status != InvoiceStatus::Void && !waiting(invoice));
    let failed =
        |invoice: &Invoice| invoice.attempted && !payments::is_processing(world, &invoice.id);
    let settled = match latest.map(|invoice| (invoice.status, failed(invoice))) {
        None | Some((InvoiceStatus::Paid | InvoiceStatus::Uncollectible, _)) => true,
        Some((InvoiceStatus::Open, true)) if sub.status == Status::Active => {
            sub.status = Status::PastDue;
            false
        }
        Some(_) => false,
    };
    if settled {
        sub.status = Status::Active;
        sub.expires_at = None;
    }
    world.put_subscription(sub);
}
