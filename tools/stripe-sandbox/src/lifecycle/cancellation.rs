//! Scheduled cancellation of a subscription.

use crate::model::Change;
use crate::model::subscription::{CancelReason, Subscription};
use crate::values::period::Timestamp;

/// `cancel_at`: a time, or a keyword for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAt {
    Time(Timestamp),
    MinPeriodEnd,
    MaxPeriodEnd,
}

/// Sets the time of the cancellation as requested. Without a request, a cancellation at the period
/// end follows the current periods.
pub fn set_cancellation(
    sub: &mut Subscription,
    at_period_end: Option<bool>,
    cancel_at: Change<CancelAt>,
    now: Timestamp,
) {
    if sub.status.is_terminal() {
        return;
    }
    if at_period_end.is_some() {
        sub.cancel_at = None;
    }
    sub.cancel_at_period_end = at_period_end.unwrap_or(sub.cancel_at_period_end);
    if sub.cancel_at_period_end {
        sub.cancel_at = sub.last_period_end();
    }
    if let Some(at) = cancel_at {
        sub.cancel_at_period_end = false;
        sub.cancel_at = at.and_then(|at| match at {
            CancelAt::Time(at) => Some(at),
            CancelAt::MinPeriodEnd => sub.next_period_end(),
            CancelAt::MaxPeriodEnd => sub.last_period_end(),
        });
    }
    sub.canceled_at = sub.cancel_at.map(|_| sub.canceled_at.unwrap_or(now));
    sub.cancellation.reason = sub.cancel_at.map(|_| CancelReason::Requested);
}
