//! Retry schedule of failed payments, and the rules for its end.

use super::payments::payment_intent_of;
use super::{cancel, pause, pending_update};
use crate::config::Exhausted;
use crate::model::customer::PaymentMethod;
use crate::model::invoice::{BillingReason, IntentStatus, Invoice};
use crate::model::subscription::{CancelReason, PauseReason, Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

pub fn would_fail_again(world: &World, invoice: &str, method: &PaymentMethod) -> bool {
    let Some(intent) = payment_intent_of(world, invoice) else { return false };
    let declined_hard =
        intent.last_error.is_some_and(|(card, failure)| card == method.id && failure.is_hard());
    let waits = intent.status == IntentStatus::RequiresAction
        && intent.payment_method.as_ref() == Some(&method.id);
    declined_hard || waits
}

/// Schedules the next retry, or applies the rules when there is none. The first invoice of a
/// subscription and that of a pending update are not retried.
pub fn attempt_failed(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    let sub = invoice.subscription.clone().map(|sub| world.subscription(&sub));
    if sub.as_ref().is_some_and(|sub| {
        sub.status == Status::Incomplete || pending_update::is_pending_invoice(sub, id)
    }) {
        return;
    }
    let attempts = invoice.attempt_count.max(1);
    let next = world.settings.rules.retry_after(attempts).filter(|_| is_retried(world, id));
    let next = next.map(|delay| at + delay);
    invoice.next_payment_attempt = next;
    invoice.auto_advance = next.is_some();
    world.put_invoice(invoice.clone());
    let Some(mut sub) = sub else { return };
    if matches!(sub.status, Status::Active | Status::Trialing) {
        sub.status = Status::PastDue;
        world.put_subscription(sub.clone());
        if pauses_on_first_failure(world, &sub, &invoice) {
            return pause::pause_on_failure(
                world,
                &sub.id,
                PauseReason::FirstPaymentFailure,
                id,
                at,
            );
        }
    }
    if next.is_none() && sub.status == Status::PastDue {
        apply_exhausted_rule(world, sub, id, at);
    }
}

/// Returns whether the payment method whose payment failed is charged again automatically.
fn is_retried(world: &World, invoice: &str) -> bool {
    let failed = payment_intent_of(world, invoice).and_then(|intent| intent.last_error);
    let method = failed.and_then(|(method, _)| world.payment_methods.get(&method));
    method.is_none_or(|method| method.instrument.is_retried())
}

/// The rule applies to renewals only.
fn pauses_on_first_failure(world: &World, sub: &Subscription, invoice: &Invoice) -> bool {
    world.settings.rules.pause_on_first_failure
        && invoice.attempt_count == 1
        && invoice.reason == BillingReason::SubscriptionCycle
        && pause::can_pause(sub)
}

fn apply_exhausted_rule(world: &mut World, mut sub: Subscription, invoice: &str, at: Timestamp) {
    match world.settings.rules.retries_exhausted {
        Exhausted::PastDue => {}
        Exhausted::Unpaid => {
            sub.status = Status::Unpaid;
            world.put_subscription(sub);
        }
        Exhausted::Pause if pause::can_pause(&sub) => {
            pause::pause_on_failure(world, &sub.id, PauseReason::FinalPaymentFailure, invoice, at);
        }
        Exhausted::Cancel | Exhausted::Pause => {
            cancel::cancel(world, sub, CancelReason::PaymentFailed, at);
        }
    }
}

/// Marks a sent invoice that is past its due date.
pub fn mark_overdue(world: &mut World, id: &str, _at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.attempted = true;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    let Some(mut sub) = sub.map(|sub| world.subscription(&sub)) else { return };
    if sub.status == Status::Active {
        sub.status = Status::PastDue;
        world.put_subscription(sub);
    }
}
