//! Immediate cancellation of a subscription.

use super::void;
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::schedule::Status as ScheduleStatus;
use crate::model::subscription::{CancelReason, Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Cancels the subscription by request. This replaces a scheduled cancellation, whose request stays
/// the time of `canceled_at`.
pub fn cancel_immediately(world: &mut World, sub: Subscription, now: Timestamp) {
    let sub = Subscription { cancel_at: None, cancel_at_period_end: false, ..sub };
    cancel(world, sub, CancelReason::Requested, now);
}

/// Cancels the subscription. Its open invoices stay open but are not collected automatically any
/// more. A pending update is discarded.
pub fn cancel(world: &mut World, mut sub: Subscription, reason: CancelReason, at: Timestamp) {
    void::discard_pending_update(world, &sub.id, at);
    sub.pending_update = None;
    sub.status = Status::Canceled;
    sub.ended_at = Some(at);
    sub.canceled_at = sub.canceled_at.or(Some(at));
    sub.cancellation.reason = Some(reason);
    sub.paused = None;
    sub.resumption = None;
    if let Some(id) = &sub.schedule {
        cancel_schedule(world, id, at);
    }
    let id = sub.id.clone();
    world.put_subscription(sub);
    let unsettled: Vec<_> = [InvoiceStatus::Draft, InvoiceStatus::Open]
        .iter()
        .flat_map(|status| {
            world.invoices().under(&format!("subscription={id}&status={}", status.as_str()))
        })
        .cloned()
        .collect();
    for mut invoice in unsettled {
        invoice.auto_advance = false;
        invoice.next_payment_attempt = None;
        invoice.finalizes_at = None;
        world.put_invoice(invoice);
    }
}

/// Cancels the schedule of a canceled subscription.
fn cancel_schedule(world: &mut World, id: &str, at: Timestamp) {
    let Some(mut schedule) = world.schedules().get(id).cloned() else { return };
    if schedule.status != ScheduleStatus::Active {
        return;
    }
    schedule.status = ScheduleStatus::Canceled;
    schedule.canceled_at = Some(at);
    world.put_schedule(schedule);
}
