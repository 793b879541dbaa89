//! Finalizing, collecting and settling invoices.

use super::finalize::open;
use super::latest_invoice::{self, follow_latest_invoice};
use super::payments::{Attempt, close_payment, default_method, intent_of, open_payment};
use super::pending_update;
use super::plan::Planned;
use super::resume::{self, Way};
use super::retries::{failed, is_pointless};
use crate::model::customer::PaymentMethod;
use crate::model::invoice::{
    IntentStatus, PaymentStatus, Status as InvoiceStatus, UncollectibleReason,
};
use crate::model::subscription::{Collection, PaymentBehavior, ProrationBehavior, Status};
use crate::values::period::Timestamp;
use crate::world::World;

/// Finalizes the draft. An invoice with nothing to pay is paid by that.
pub fn finalize(world: &mut World, id: &str, at: Timestamp) {
    if open(world, id, at) == 0 {
        paid(world, id, at);
    } else {
        open_payment(world, id, at);
    }
}

/// The invoice is settled, by a payment or because there was nothing to pay.
pub fn paid(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Paid;
    invoice.amount_paid = invoice.amount_due;
    invoice.transitions.paid = Some(at);
    invoice.attempted = true;
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    invoice.uncollectible_reason = None;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    if let Some(sub) = sub {
        if pending_update::waits_for(&world.subscription(&sub), id) {
            pending_update::apply(world, &sub, at);
        }
        settled(world, &sub, id, at);
        follow_latest_invoice(world, &sub, at);
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
        settled(world, &sub, id, at);
        follow_latest_invoice(world, &sub, at);
    }
}

pub fn forgive_while_paused(world: &mut World, id: &str, at: Timestamp) {
    mark_uncollectible(world, id, UncollectibleReason::SubscriptionPaused, at);
}

/// The invoice is paid or given up: if that is what a pause waited for, it ends.
pub fn settled(world: &mut World, sub: &str, invoice: &str, at: Timestamp) {
    if let Some((sub, resumption)) = resume::take(world, sub, invoice) {
        return resume::carry_out(world, sub, resumption, Status::Active);
    }
    if world.settings.rules.resume_when_paid && resume::caused_by(&world.subscription(sub), invoice)
    {
        by_itself(world, sub, at);
    }
}

/// The paid period goes on. If it is over, the part of the present one is on the next renewal.
fn by_itself(world: &mut World, sub: &str, at: Timestamp) {
    let before = world.subscription(sub);
    let behavior = ProrationBehavior::CreateProrations;
    if let Ok(planned) =
        resume::plan(world, &before, Way { anchor_now: false, behavior, date: None }, at)
    {
        make(world, planned, PaymentBehavior::Allow, at);
    }
}

pub fn make(world: &mut World, planned: Planned, behavior: PaymentBehavior, now: Timestamp) {
    let Planned { mut sub, items, waited, invoice, .. } = planned;
    for item in &items {
        world.invoice_items.put(item.clone());
    }
    let Some(invoice) = invoice else { return world.put_subscription(sub) };
    world.claim_items(items.into_iter().chain(waited).collect(), &invoice.id);
    let id = latest_invoice::keep_as_latest(world, &mut sub, invoice);
    finalize(world, &id, now);
    collect_change(world, &id, behavior, now);
}

fn collect_change(world: &mut World, invoice: &str, behavior: PaymentBehavior, now: Timestamp) {
    let kept = world.invoice(invoice);
    if kept.amount_remaining() == 0 || kept.collection == Collection::Send {
        return;
    }
    if behavior != PaymentBehavior::Default {
        return automatic(world, invoice, now);
    }
    let Some(mut sub) = kept.subscription.map(|id| world.subscription(&id)) else { return };
    if sub.status == Status::Active {
        sub.status = Status::PastDue;
        world.put_subscription(sub);
    }
}

/// One more automatic attempt (the first one too). After a hard decline, and without a payment
/// method, the attempt counts but nothing is charged until there is another one.
pub fn automatic(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    if invoice.collection != Collection::Charge || invoice.status != InvoiceStatus::Open {
        return;
    }
    invoice.attempt_count += 1;
    invoice.attempted = true;
    invoice.next_payment_attempt = None;
    let method = default_method(world, &invoice).cloned();
    world.put_invoice(invoice);
    let attempt = match method {
        Some(method) if !is_pointless(world, id, &method) => charge(world, id, &method, at),
        _ => Attempt::NoPaymentMethod,
    };
    if attempt != Attempt::Paid {
        failed(world, id, at);
    }
}

/// Charges `method` for the open invoice. Only the first attempt and automatic ones are counted.
pub fn charge(world: &mut World, invoice: &str, method: &PaymentMethod, at: Timestamp) -> Attempt {
    let mut intent = intent_of(world, invoice).expect("an open invoice has a payment intent");
    let attempt = Attempt::from(method.charge());
    intent.payment_method = Some(method.id.clone());
    intent.last_error = None;
    match attempt {
        Attempt::Paid => {
            intent.status = IntentStatus::Succeeded;
            intent.charge = Some(world.ids.id("ch"));
        }
        Attempt::RequiresAction => intent.status = IntentStatus::RequiresAction,
        Attempt::Declined(failure) => {
            intent.status = IntentStatus::RequiresPaymentMethod;
            intent.last_error = Some((method.id.clone(), failure));
            intent.payment_method = None;
            intent.charge = Some(world.ids.id("ch"));
        }
        Attempt::NoPaymentMethod => {}
    }
    world.payment_intents.put(intent);
    let mut invoice = world.invoice(invoice);
    invoice.attempted = true;
    let id = invoice.id.clone();
    world.put_invoice(invoice);
    if attempt == Attempt::Paid {
        close_payment(world, &id, PaymentStatus::Paid, at);
        paid(world, &id, at);
    } else {
        resume::attempt_failed(world, &id, at);
    }
    attempt
}
