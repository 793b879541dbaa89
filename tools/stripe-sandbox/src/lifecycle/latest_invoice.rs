//! The latest invoice of a subscription, and its effect on the status.

use super::draft::{link_debits, record_debits};
use super::pending_update;
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
    let settled = match latest.map(|invoice| (invoice.status, invoice.attempted)) {
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
