//! Finalizing, collecting and paying invoices.
//!
//! These steps are in one file because each of them can lead to the others: a payment can resume a
//! subscription, which creates the next invoice.

use super::cancel;
use super::finalize::open_draft;
use super::latest_invoice::{self, update_status_from_latest};
use super::payments::{
    Attempt, close_payment, end_of_action, end_of_processing, invoice_payment_method,
    is_processing, open_payment, payment_intent_of,
};
use super::pending_update;
use super::plan::PlannedChange;
use super::resume::{self, ResumeOptions};
use super::retries::{attempt_failed, would_fail_again};
use crate::model::customer::PaymentMethod;
use crate::model::invoice::{
    BillingReason, IntentStatus, PaymentStatus, Status as InvoiceStatus, UncollectibleReason,
};
use crate::model::subscription::{Collection, PaymentBehavior, ProrationBehavior, Status};
use crate::values::period::Timestamp;
use crate::world::World;

/// Finalizes the draft. An invoice with no amount due is paid immediately.
pub fn finalize(world: &mut World, id: &str, at: Timestamp) {
    if open_draft(world, id, at) == 0 {
        mark_paid(world, id, at);
    } else {
        open_payment(world, id, at);
    }
}

/// Marks the invoice as paid, then applies a pending update or a resumption that was waiting for
/// it.
pub fn mark_paid(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Paid;
    invoice.amount_paid = invoice.amount_due;
    invoice.transitions.paid = Some(at);
    invoice.attempted |= !invoice.paid_out_of_band;
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    invoice.uncollectible_reason = None;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    if let Some(sub) = sub {
        if pending_update::is_pending_invoice(&world.subscription(&sub), id) {
            pending_update::apply(world, &sub, at);
        }
        resume_after_settlement(world, &sub, id, at);
        update_status_from_latest(world, &sub, at);
    }
}

pub fn mark_uncollectible(world: &mut World, id: &str, reason: UncollectibleReason, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Uncollectible;
    invoice.uncollectible_reason = Some(reason);
    invoice.transitions.uncollectible = Some(at);
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    if let Some(sub) = sub {
        resume_after_settlement(world, &sub, id, at);
        update_status_from_latest(world, &sub, at);
    }
}

pub fn mark_uncollectible_while_paused(world: &mut World, id: &str, at: Timestamp) {
    mark_uncollectible(world, id, UncollectibleReason::SubscriptionPaused, at);
}

/// Resumes a paused subscription after its invoice was paid or marked uncollectible, if that was a
/// condition.
pub fn resume_after_settlement(world: &mut World, sub: &str, invoice: &str, at: Timestamp) {
    if let Some((sub, resumption)) = resume::take_resumption(world, sub, invoice) {
        return resume::complete_resumption(world, sub, resumption, Status::Active);
    }
    if world.settings.rules.resume_when_paid
        && resume::is_paused_by(&world.subscription(sub), invoice)
    {
        resume_automatically(world, sub, at);
    }
}

/// Resumes with the current period. Time after a paid period is prorated onto the next renewal.
fn resume_automatically(world: &mut World, sub: &str, at: Timestamp) {
    let before = world.subscription(sub);
    let behavior = ProrationBehavior::CreateProrations;
    if let Ok(planned) =
        resume::plan(world, &before, ResumeOptions { anchor_now: false, behavior, date: None }, at)
    {
        apply_change(world, planned, PaymentBehavior::Allow, at);
    }
}

pub fn apply_change(
    world: &mut World,
    planned: PlannedChange,
    behavior: PaymentBehavior,
    now: Timestamp,
) {
    let PlannedChange { mut sub, items, pending_items, invoice, cancels, .. } = planned;
    world.put_pending_items(&items);
    if cancels {
        return cancel::cancel_immediately(world, sub, now);
    }
    let Some(invoice) = invoice else { return world.put_subscription(sub) };
    world.attach_items(items.into_iter().chain(pending_items).collect(), &invoice.id);
    let id = latest_invoice::store_as_latest(world, &mut sub, invoice);
    finalize(world, &id, now);
    collect_change(world, &id, behavior, now);
}

fn collect_change(world: &mut World, invoice: &str, behavior: PaymentBehavior, now: Timestamp) {
    let open = world.invoice(invoice);
    if open.amount_remaining() == 0 || open.collection == Collection::Send {
        return;
    }
    if behavior != PaymentBehavior::Default {
        return collect_automatically(world, invoice, now);
    }
    let Some(mut sub) = open.subscription.map(|id| world.subscription(&id)) else { return };
    if sub.status == Status::Active {
        sub.status = Status::PastDue;
        world.put_subscription(sub);
    }
}

/// Makes an automatic attempt, including the first one. Without a payment method, or after a hard
/// decline, the attempt is counted but nothing is charged.
pub fn collect_automatically(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    let open = invoice.status == InvoiceStatus::Open && !is_processing(world, id);
    if invoice.collection != Collection::Charge || !open {
        return;
    }
    let attempts = invoice.attempt_count + 1;
    invoice.attempted = true;
    invoice.next_payment_attempt = None;
    let method = invoice_payment_method(world, &invoice).cloned();
    world.put_invoice(invoice);
    let attempt = match method {
        Some(method) if !would_fail_again(world, id, &method) => {
            charge(world, id, &method, attempts, at)
        }
        _ => {
            count_attempt(world, id, attempts);
            Attempt::NoPaymentMethod
        }
    };
    if !matches!(attempt, Attempt::Paid | Attempt::Processing(_)) {
        attempt_failed(world, id, at);
    }
}

fn count_attempt(world: &mut World, id: &str, attempts: u32) {
    let mut invoice = world.invoice(id);
    invoice.attempt_count = attempts;
    world.put_invoice(invoice);
}

/// Makes a manual attempt. It counts only if it is the first one.
pub fn charge_manually(
    world: &mut World,
    id: &str,
    method: &PaymentMethod,
    at: Timestamp,
) -> Attempt {
    let attempts = world.invoice(id).attempt_count.max(1);
    charge(world, id, method, attempts, at)
}

/// Charges the open invoice and sets its attempt count. Stripe does not count a payment that waits
/// for authentication. A renewal is charged without the customer, so its bank declines instead.
fn charge(
    world: &mut World,
    invoice: &str,
    method: &PaymentMethod,
    attempts: u32,
    at: Timestamp,
) -> Attempt {
    let mut intent =
        payment_intent_of(world, invoice).expect("an open invoice has a payment intent");
    let attempt = Attempt::from(method.charge());
    intent.payment_method = Some(method.id.clone());
    intent.last_error = None;
    intent.pending = None;
    match attempt {
        Attempt::Paid => {
            intent.status = IntentStatus::Succeeded;
            intent.charge = Some(world.ids.id("ch"));
        }
        Attempt::RequiresAction => {
            intent.status = IntentStatus::RequiresAction;
            intent.pending = end_of_action(method, at);
        }
        Attempt::Processing(ending) => {
            intent.status = IntentStatus::Processing;
            intent.charge = Some(world.ids.id("ch"));
            intent.pending = end_of_processing(world, method, ending, at);
        }
        Attempt::Declined(failure) => {
            intent.status = IntentStatus::RequiresPaymentMethod;
            intent.last_error = Some((method.id.clone(), failure));
            intent.payment_method = None;
            intent.charge = Some(world.ids.id("ch"));
        }
        Attempt::NoPaymentMethod => {}
    }
    world.put_payment_intent(intent);
    let mut invoice = world.invoice(invoice);
    invoice.attempted = true;
    if attempt != Attempt::RequiresAction || invoice.reason == BillingReason::SubscriptionCycle {
        invoice.attempt_count = attempts;
    }
    if matches!(attempt, Attempt::Processing(_)) {
        invoice.next_payment_attempt = None;
    }
    let id = invoice.id.clone();
    world.put_invoice(invoice);
    match attempt {
        Attempt::Paid => {
            close_payment(world, &id, PaymentStatus::Paid, at);
            mark_paid(world, &id, at);
        }
        Attempt::Processing(_) => {
            latest_invoice::activate_while_processing(world, &id);
            resume::resume_after_attempt(world, &id, Status::Active);
        }
        _ => resume::resume_after_attempt(world, &id, Status::PastDue),
    }
    attempt
}
