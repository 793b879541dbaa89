//! A subscription's latest invoice, and the status that follows from it.

use super::draft::{name_debits, record_debits};
use super::pending_update;
use crate::model::invoice::{Invoice, Status as InvoiceStatus};
use crate::model::subscription::{Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Makes a draft the subscription's latest invoice and keeps both.
pub fn keep_as_latest(world: &mut World, sub: &mut Subscription, invoice: Invoice) -> String {
    record_debits(sub, &invoice);
    name_debits(sub, &invoice);
    let id = invoice.id.clone();
    sub.latest_invoice = Some(id.clone());
    world.put_invoice(invoice);
    world.put_subscription(sub.clone());
    id
}

/// Only the most recent invoice that is not void drives the status. A renewal's draft that nobody
/// has tried to collect yet does not count, a draft that was left lying because of `unpaid` does.
/// The invoice of a change that waits is about what the subscription is not yet.
pub fn follow_latest_invoice(world: &mut World, id: &str, _at: Timestamp) {
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
        .filter(|invoice| !pending_update::waits_for(&sub, &invoice.id))
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
