//! Taking the money: payment intents, attempts, the retry schedule and what follows its end.

use super::{end, finalize, pause, pending, resume};
use crate::config::Exhausted;
use crate::engine::payment::{Failure, Outcome};
use crate::engine::period::Timestamp;
use crate::model::customer::PaymentMethod;
use crate::model::invoice::{
    BillingReason, IntentStatus, Invoice, InvoicePayment, PaymentIntent, PaymentStatus,
    Status as InvoiceStatus,
};
use crate::model::subscription::{CancelReason, Collection, PauseReason, Status, Subscription};
use crate::world::World;

/// How an attempt to collect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Paid,
    Declined(Failure),
    RequiresAction,
    NoPaymentMethod,
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Attempt {
        match outcome {
            Outcome::Succeeded => Attempt::Paid,
            Outcome::RequiresAction => Attempt::RequiresAction,
            Outcome::Declined(failure) => Attempt::Declined(failure),
        }
    }
}

/// The payment intent that an open invoice is to be paid with.
pub fn open_payment(world: &mut World, invoice: &str, at: Timestamp) {
    let invoice = world.invoice(invoice);
    let method = default_method(world, &invoice).map(|method| method.id.clone());
    let id = world.ids.id("pi");
    let secret = world.ids.text(25);
    let payment = InvoicePayment {
        id: world.ids.id("inpay"),
        invoice: invoice.id.clone(),
        payment_intent: id.clone(),
        currency: invoice.currency,
        requested: invoice.amount_due,
        paid: None,
        status: PaymentStatus::Open,
        created: at,
        paid_at: None,
        canceled_at: None,
        on_test_clock: invoice.test_clock.is_some(),
    };
    let status = if method.is_some() {
        IntentStatus::RequiresConfirmation
    } else {
        IntentStatus::RequiresPaymentMethod
    };
    world.payment_intents.put(PaymentIntent {
        client_secret: format!("{id}_secret_{secret}"),
        id,
        customer: invoice.customer.clone(),
        amount: invoice.amount_due,
        currency: invoice.currency,
        status,
        payment_method: method,
        last_error: None,
        charge: None,
        description: Some(description(&invoice)),
        canceled_at: None,
        created: at,
    });
    world.invoice_payments.put(payment);
}

fn description(invoice: &Invoice) -> String {
    match invoice.reason {
        BillingReason::SubscriptionCreate => "Subscription creation".to_owned(),
        BillingReason::Manual => {
            format!("Payment for Invoice {}", invoice.number.as_deref().unwrap_or_default())
        }
        _ => "Subscription update".to_owned(),
    }
}

/// The invoice's payment method, else the subscription's, else the customer's.
pub fn default_method<'a>(world: &'a World, invoice: &Invoice) -> Option<&'a PaymentMethod> {
    let sub = invoice.subscription.as_ref().and_then(|id| world.subscriptions().get(id));
    let id = invoice
        .default_payment_method
        .clone()
        .or_else(|| sub.and_then(|sub| sub.default_payment_method.clone()))
        .or_else(|| world.customer(&invoice.customer).default_payment_method.clone())?;
    world.payment_methods.get(&id)
}

/// What a subscription would be paid with.
pub fn method_of<'a>(world: &'a World, sub: &Subscription) -> Option<&'a PaymentMethod> {
    let customers = || world.customer(&sub.customer).default_payment_method.clone();
    world.payment_methods.get(&sub.default_payment_method.clone().or_else(customers)?)
}

pub fn open_payment_of<'a>(world: &'a World, invoice: &str) -> Option<&'a InvoicePayment> {
    world
        .invoice_payments
        .under(&format!("invoice={invoice}"))
        .rev()
        .find(|p| p.status == PaymentStatus::Open)
}

pub fn intent_of(world: &World, invoice: &str) -> Option<PaymentIntent> {
    let payment = world.invoice_payments.under(&format!("invoice={invoice}")).next_back()?;
    world.payment_intents.get(&payment.payment_intent).cloned()
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
        finalize::paid(world, &id, at);
    } else {
        resume::attempt_failed(world, &id, at);
    }
    attempt
}

/// Ends the open payment of an invoice, and with it its intent if that is not through.
pub fn close_payment(world: &mut World, invoice: &str, status: PaymentStatus, at: Timestamp) {
    let Some(mut payment) = open_payment_of(world, invoice).cloned() else { return };
    payment.status = status;
    if status == PaymentStatus::Paid {
        payment.paid = Some(payment.requested);
        payment.paid_at = Some(at);
    } else {
        payment.canceled_at = Some(at);
        if let Some(mut intent) = world.payment_intents.get(&payment.payment_intent).cloned() {
            intent.status = IntentStatus::Canceled;
            intent.canceled_at = Some(at);
            world.payment_intents.put(intent);
        }
    }
    world.invoice_payments.put(payment);
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

fn is_pointless(world: &World, invoice: &str, method: &PaymentMethod) -> bool {
    let Some(intent) = intent_of(world, invoice) else { return false };
    let declined_hard =
        intent.last_error.is_some_and(|(card, failure)| card == method.id && failure.is_hard());
    let waits = intent.status == IntentStatus::RequiresAction
        && intent.payment_method.as_ref() == Some(&method.id);
    declined_hard || waits
}

/// The first invoice of a subscription and that of a change that waits are not retried: they have
/// 23 hours. Every other one follows the schedule, and the subscription is past due meanwhile.
pub fn failed(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    let sub = invoice.subscription.clone().map(|sub| world.subscription(&sub));
    if sub
        .as_ref()
        .is_some_and(|sub| sub.status == Status::Incomplete || pending::waits_for(sub, id))
    {
        return;
    }
    let next = world.settings.rules.retry_after(invoice.attempt_count).map(|delay| at + delay);
    invoice.next_payment_attempt = next;
    invoice.auto_advance = next.is_some();
    world.put_invoice(invoice.clone());
    let Some(mut sub) = sub else { return };
    if matches!(sub.status, Status::Active | Status::Trialing) {
        sub.status = Status::PastDue;
        world.put_subscription(sub.clone());
        if pauses_at_once(world, &sub, &invoice) {
            return pause::on_failure(world, &sub.id, PauseReason::FirstPaymentFailure, id, at);
        }
    }
    if next.is_none() && sub.status == Status::PastDue {
        exhausted(world, sub, id, at);
    }
}

/// The rule about first failures is one about renewals.
fn pauses_at_once(world: &World, sub: &Subscription, invoice: &Invoice) -> bool {
    world.settings.rules.pause_on_first_failure
        && invoice.attempt_count == 1
        && invoice.reason == BillingReason::SubscriptionCycle
        && pause::is_possible(sub)
}

fn exhausted(world: &mut World, mut sub: Subscription, invoice: &str, at: Timestamp) {
    match world.settings.rules.retries_exhausted {
        Exhausted::PastDue => {}
        Exhausted::Unpaid => {
            sub.status = Status::Unpaid;
            world.put_subscription(sub);
        }
        Exhausted::Pause if pause::is_possible(&sub) => {
            pause::on_failure(world, &sub.id, PauseReason::FinalPaymentFailure, invoice, at);
        }
        Exhausted::Cancel | Exhausted::Pause => {
            end::cancel(world, sub, CancelReason::PaymentFailed, at);
        }
    }
}

/// An invoice that was sent is past its due date.
pub fn overdue(world: &mut World, id: &str, _at: Timestamp) {
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
