//! Payment intents of invoices, and the payment methods that they charge.

use crate::model::customer::PaymentMethod;
use crate::model::invoice::{
    BillingReason, IntentStatus, Invoice, InvoicePayment, PaymentIntent, PaymentStatus,
};
use crate::model::subscription::Subscription;
use crate::values::cards::{Failure, Outcome};
use crate::values::period::Timestamp;
use crate::world::World;

/// Outcome of a payment attempt.
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

/// Creates the payment intent of an open invoice.
pub fn open_payment(world: &mut World, invoice: &str, at: Timestamp) {
    let invoice = world.invoice(invoice);
    let method = invoice_payment_method(world, &invoice).map(|method| method.id.clone());
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

/// Returns the invoice's payment method, else the subscription's, else the customer's.
pub fn invoice_payment_method<'a>(
    world: &'a World,
    invoice: &Invoice,
) -> Option<&'a PaymentMethod> {
    let sub = invoice.subscription.as_ref().and_then(|id| world.subscriptions().get(id));
    let id = invoice
        .default_payment_method
        .clone()
        .or_else(|| sub.and_then(|sub| sub.default_payment_method.clone()))
        .or_else(|| world.customer(&invoice.customer).default_payment_method.clone())?;
    world.payment_methods.get(&id)
}

/// Returns the subscription's payment method, else the customer's.
pub fn subscription_payment_method<'a>(
    world: &'a World,
    sub: &Subscription,
) -> Option<&'a PaymentMethod> {
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

pub fn payment_intent_of(world: &World, invoice: &str) -> Option<PaymentIntent> {
    let payment = world.invoice_payments.under(&format!("invoice={invoice}")).next_back()?;
    world.payment_intents.get(&payment.payment_intent).cloned()
}

/// Closes the open payment of an invoice. Unless it is paid, its intent is canceled.
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
