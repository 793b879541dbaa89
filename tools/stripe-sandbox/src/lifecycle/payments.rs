//! Payment intents of invoices, and the payment methods that they charge.

use crate::model::customer::PaymentMethod;
use crate::model::invoice::{
    BillingReason, IntentStatus, Invoice, InvoicePayment, PaymentIntent, PaymentStatus,
    PendingPayment,
};
use crate::model::subscription::Subscription;
use crate::values::failures::{ATTEMPT_EXPIRED, Failure};
use crate::values::instruments::Instrument;
use crate::values::outcomes::{Ending, Outcome};
use crate::values::period::Timestamp;
use crate::world::World;

/// Outcome of a payment attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Paid,
    Declined(Failure),
    RequiresAction,
    /// The outcome is known later.
    Processing(Ending),
    NoPaymentMethod,
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Attempt {
        match outcome {
            Outcome::Succeeded => Attempt::Paid,
            Outcome::RequiresAction => Attempt::RequiresAction,
            Outcome::Declined(failure) => Attempt::Declined(failure),
            Outcome::Processing(ending) => Attempt::Processing(ending),
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
    world.put_payment_intent(PaymentIntent {
        client_secret: format!("{id}_secret_{secret}"),
        id,
        customer: invoice.customer.clone(),
        amount: invoice.amount_due,
        currency: invoice.currency,
        status,
        payment_method: method,
        last_error: None,
        pending: None,
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
    world.payment_intents().get(&payment.payment_intent).cloned()
}

/// Returns the invoice that the payment intent pays.
pub fn invoice_of(world: &World, intent: &str) -> Option<String> {
    let payments = world.invoice_payments.under(&format!("payment_intent={intent}"));
    payments.map(|payment| payment.invoice.clone()).next_back()
}

/// Returns whether a payment of the open invoice is processing.
pub fn is_processing(world: &World, invoice: &str) -> bool {
    payment_intent_of(world, invoice)
        .is_some_and(|intent| intent.status == IntentStatus::Processing)
}

/// Returns the end of a payment that is processing; None if it does not end.
pub fn end_of_processing(
    world: &World,
    method: &PaymentMethod,
    ending: Ending,
    at: Timestamp,
) -> Option<PendingPayment> {
    let rules = &world.settings.rules;
    let (seconds, failure) = match ending {
        Ending::Never => return None,
        Ending::Succeeds if method.behaves_as.is_card() => (rules.card_processing_seconds, None),
        Ending::Succeeds => (rules.debit_success_seconds, None),
        Ending::Fails(failure) => (rules.debit_failure_seconds, Some(failure)),
    };
    Some(PendingPayment { until: at + i64::from(seconds), failure })
}

/// Returns the end of the time that the customer has to pay a voucher; None if there is no limit.
pub fn end_of_action(method: &PaymentMethod, at: Timestamp) -> Option<PendingPayment> {
    let Instrument::Account(account) = method.behaves_as else { return None };
    let seconds = account.spec().kind.expires_after()?;
    Some(PendingPayment { until: at + seconds, failure: Some(ATTEMPT_EXPIRED) })
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
        if let Some(mut intent) = world.payment_intents().get(&payment.payment_intent).cloned() {
            intent.status = IntentStatus::Canceled;
            intent.canceled_at = Some(at);
            world.put_payment_intent(intent);
        }
    }
    world.invoice_payments.put(payment);
}
