//! Pauses: no invoices and no new periods.

use super::draft::invoice_item;
use super::plan::{PlannedChange, draft_change_invoice};
use super::prorate::{accrued_usage, credit_unused_time};
use super::void;
use crate::model::string_enum;
use crate::model::subscription::{BillingMode, Collection, PauseReason, Status, Subscription};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

string_enum!(UnusedFrom { Now = "now", PeriodStart = "item_current_period_start", Nothing = "none" });

/// `bill_for` of a pause: what it bills, and how.
#[derive(Clone, Copy, Debug)]
pub struct BillFor {
    /// Bill accrued usage.
    pub usage: bool,
    /// Start of the time to credit for licensed items.
    pub unused: UnusedFrom,
    /// Create an invoice. Otherwise the lines become pending invoice items.
    pub invoice: bool,
}

impl Default for BillFor {
    fn default() -> BillFor {
        BillFor { usage: true, unused: UnusedFrom::Now, invoice: false }
    }
}

/// Returns whether the subscription can be paused: flexible billing, charged automatically, without
/// a schedule.
pub fn can_pause(sub: &Subscription) -> bool {
    sub.mode == BillingMode::Flexible
        && sub.collection == Collection::Charge
        && sub.schedule.is_none()
}

/// Pauses after a failed payment. The invoice stays open and its retries continue. Accrued usage
/// becomes pending invoice items.
pub fn pause_on_failure(
    world: &mut World,
    sub: &str,
    reason: PauseReason,
    invoice: &str,
    at: Timestamp,
) {
    void::discard_pending_update(world, sub, at);
    let mut sub = world.subscription(sub);
    let usage = accrued_usage(world, &sub, at);
    let items: Vec<_> = usage.into_iter().map(|line| invoice_item(world, &sub, line, at)).collect();
    world.put_pending_items(&items);
    sub.pause(reason, Some(invoice.to_owned()), at);
    world.put_subscription(sub);
}

/// Plans a pause: the paused subscription, and what is billed.
pub fn plan(
    world: &mut World,
    before: &Subscription,
    bill: BillFor,
    now: Timestamp,
) -> Result<PlannedChange> {
    check(before)?;
    let mut planned = PlannedChange::unchanged(before);
    let mut lines = credit_unused_time(world, &mut planned.sub, |item| match bill.unused {
        UnusedFrom::Now => Some(now),
        UnusedFrom::PeriodStart => Some(item.period.0),
        UnusedFrom::Nothing => None,
    });
    if bill.usage {
        lines.extend(accrued_usage(world, before, now));
    }
    for line in lines {
        let item = invoice_item(world, before, line, now);
        planned.items.push(item);
    }
    planned.sub.pause(PauseReason::PauseRequested, None, now);
    if bill.invoice {
        draft_change_invoice(world, before, &mut planned, Vec::new(), now);
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
