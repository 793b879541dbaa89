//! Pauses of a whole subscription: no invoices and no new periods.

use super::draft::invoice_item;
use super::plan::{Planned, draft};
use super::prorate::{give_back, usage_so_far};
use super::void;
use crate::model::subscription::{
    BillingMode, Collection, PauseReason, Paused, Status, Subscription,
};
use crate::model::words;
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

words!(UnusedFrom { Now = "now", PeriodStart = "item_current_period_start", Nothing = "none" });

/// What a pause by request settles, and where.
#[derive(Clone, Copy, Debug)]
pub struct BillFor {
    /// Usage so far is billed.
    pub usage: bool,
    /// From when on licensed time is given back.
    pub unused: UnusedFrom,
    /// By an invoice at once; otherwise by items that wait for one.
    pub invoice: bool,
}

impl Default for BillFor {
    fn default() -> BillFor {
        BillFor { usage: true, unused: UnusedFrom::Now, invoice: false }
    }
}

/// Only flexible billing knows pauses, a schedule rules them out, and only what charges by itself can
/// be resumed.
pub fn is_possible(sub: &Subscription) -> bool {
    sub.mode == BillingMode::Flexible
        && sub.collection == Collection::Charge
        && sub.schedule.is_none()
}

pub fn begin(sub: &mut Subscription, reason: PauseReason, invoice: Option<String>, at: Timestamp) {
    sub.status = Status::Paused;
    sub.paused = Some(Paused { reason, at, invoice });
}

/// The account's rule pauses it; the invoice stays open and is retried as before. Usage so far waits
/// for whatever is billed next.
pub fn on_failure(world: &mut World, sub: &str, reason: PauseReason, invoice: &str, at: Timestamp) {
    void::discard_pending_update(world, sub, at);
    let mut sub = world.subscription(sub);
    for line in usage_so_far(world, &sub, at) {
        let item = invoice_item(world, &sub, line, at);
        world.invoice_items.put(item);
    }
    begin(&mut sub, reason, Some(invoice.to_owned()), at);
    world.put_subscription(sub);
}

/// The subscription as it is once paused, and what is settled by that.
pub fn plan(
    world: &mut World,
    before: &Subscription,
    bill: BillFor,
    now: Timestamp,
) -> Result<Planned> {
    check(before)?;
    let mut planned = Planned::unchanged(before);
    let mut lines = give_back(world, &mut planned.sub, |item| match bill.unused {
        UnusedFrom::Now => Some(now),
        UnusedFrom::PeriodStart => Some(item.period.0),
        UnusedFrom::Nothing => None,
    });
    if bill.usage {
        lines.extend(usage_so_far(world, before, now));
    }
    for line in lines {
        let item = invoice_item(world, before, line, now);
        planned.items.push(item);
    }
    begin(&mut planned.sub, PauseReason::PauseRequested, None, now);
    if bill.invoice {
        draft(world, before, &mut planned, Vec::new(), now);
    }
    Ok(planned)
}

fn check(sub: &Subscription) -> Result<()> {
    let refuse = |message: &str| Err(ApiError::invalid(message));
    if sub.mode != BillingMode::Flexible {
        return refuse(
            "You can only pause a subscription whose `billing_mode[type]` is `flexible`.",
        );
    }
    if sub.schedule.is_some() {
        return refuse(
            "You cannot pause a subscription that is managed by a subscription schedule.",
        );
    }
    if !matches!(sub.status, Status::Active | Status::PastDue) {
        return refuse("You can only pause a subscription whose status is `active` or `past_due`.");
    }
    if sub.collection != Collection::Charge {
        return refuse(
            "You can only pause a subscription whose `collection_method` is `charge_automatically`.",
        );
    }
    Ok(())
}
