//! Actions that payments require of customers: authentication (3D Secure), a redirect, a transfer.

use super::{invoicing, payments};
use crate::model::invoice::{IntentStatus, PaymentStatus};
use crate::values::errors::{ApiError, Result};
use crate::values::failures::AUTHENTICATION_FAILED;
use crate::world::{World, find};

/// Completes the action that a payment intent requires. On success its invoice is paid. On failure
/// it needs another payment method.
pub fn authenticate(world: &mut World, intent: &str, succeed: bool) -> Result<()> {
    let mut intent = find(world.payment_intents(), intent)?.clone();
    if intent.status != IntentStatus::RequiresAction {
        return Err(ApiError::invalid(format!(
            "This PaymentIntent's status is {}, so there is nothing to authenticate.",
            intent.status.as_str()
        ))
        .code("payment_intent_unexpected_state"));
    }
    let method = intent.payment_method.clone();
    let expiry = intent.pending.take().and_then(|pending| pending.failure);
    if succeed {
        intent.status = IntentStatus::Succeeded;
        intent.last_error = None;
        intent.charge = Some(world.ids.id("ch"));
    } else {
        intent.status = IntentStatus::RequiresPaymentMethod;
        let failure = expiry.unwrap_or(AUTHENTICATION_FAILED);
        intent.last_error = method.clone().map(|method| (method, failure));
        intent.payment_method = None;
    }
    let (id, now) = (intent.id.clone(), world.now_of(&intent.customer));
    world.put_payment_intent(intent);
    if !succeed {
        return Ok(());
    }
    if let Some(mut method) = method.and_then(|id| world.payment_methods.get(&id).cloned()) {
        // After one authentication, some cards accept off-session charges.
        method.set_up = true;
        world.payment_methods.put(method);
    }
    if let Some(invoice) = payments::invoice_of(world, &id) {
        let mut paid = world.invoice(&invoice);
        paid.attempt_count = paid.attempt_count.max(1);
        world.put_invoice(paid);
        payments::close_payment(world, &invoice, PaymentStatus::Paid, now);
        invoicing::mark_paid(world, &invoice, now);
    }
    Ok(())
}
