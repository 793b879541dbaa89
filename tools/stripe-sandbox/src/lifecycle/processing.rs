//! End of payments that are processing, and of vouchers that nobody pays.

use super::payments::{self, close_payment};
use super::retries::attempt_failed;
use super::{invoicing, void};
use crate::model::invoice::{
    BillingReason, IntentStatus, PaymentIntent, PaymentStatus, Status as InvoiceStatus,
};
use crate::model::subscription::Status;
use crate::values::errors::{ApiError, Result};
use crate::values::failures::{COULD_NOT_PROCESS, Failure};
use crate::values::period::Timestamp;
use crate::world::{World, find};

/// Ends the payment at its time.
pub fn end_when_due(world: &mut World, intent: &str, at: Timestamp) {
    let Some(intent) = world.payment_intents().get(intent).cloned() else { return };
    let Some(pending) = intent.pending else { return };
    end(world, intent, pending.failure, at);
}

/// Ends a payment that is processing now. One that would succeed fails for an unknown reason.
pub fn end_now(world: &mut World, intent: &str, succeed: bool) -> Result<()> {
    let intent = find(world.payment_intents(), intent)?.clone();
    if intent.status != IntentStatus::Processing {
        return Err(ApiError::invalid(format!(
            "This PaymentIntent's status is {}, so there is nothing to settle.",
            intent.status.as_str()
        ))
        .code("payment_intent_unexpected_state"));
    }
    let now = world.now_of(&intent.customer);
    let known = intent.pending.and_then(|pending| pending.failure);
    let failure = (!succeed).then(|| known.unwrap_or(COULD_NOT_PROCESS));
    end(world, intent, failure, now);
    Ok(())
}

fn end(world: &mut World, mut intent: PaymentIntent, failure: Option<Failure>, at: Timestamp) {
    let id = intent.id.clone();
    let processed = intent.status == IntentStatus::Processing;
    intent.pending = None;
    match failure {
        None => intent.status = IntentStatus::Succeeded,
        Some(failure) => {
            intent.status = IntentStatus::RequiresPaymentMethod;
            intent.last_error = intent.payment_method.take().map(|method| (method, failure));
        }
    }
    world.put_payment_intent(intent);
    let Some(invoice) = payments::invoice_of(world, &id) else { return };
    let status = world.invoice(&invoice).status;
    if failure.is_none() && matches!(status, InvoiceStatus::Open | InvoiceStatus::Uncollectible) {
        close_payment(world, &invoice, PaymentStatus::Paid, at);
        invoicing::mark_paid(world, &invoice, at);
    } else if processed && status == InvoiceStatus::Open {
        fail(world, &invoice, at);
    }
}

/// Continues after a payment that failed late. A first invoice is voided, and its subscription stays
/// active. Any other invoice of a subscription is retried.
/// <https://docs.stripe.com/billing/subscriptions/overview#payment-status>
fn fail(world: &mut World, id: &str, at: Timestamp) {
    let invoice = world.invoice(id);
    let status = invoice.subscription.map(|sub| world.subscription(&sub).status);
    match status {
        Some(Status::Active) if invoice.reason == BillingReason::SubscriptionCreate => {
            void::void(world, id, at);
        }
        // Canceling a subscription ends the collection of its invoices.
        Some(status) if status.is_terminal() => {}
        None if !invoice.auto_advance => {}
        _ => attempt_failed(world, id, at),
    }
}
