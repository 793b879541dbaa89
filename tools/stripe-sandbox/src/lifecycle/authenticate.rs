//! The customer's answer to the bank's question whether it is really them.

use super::{invoicing, payments};
use crate::model::invoice::{IntentStatus, PaymentStatus};
use crate::values::cards::AUTHENTICATION_FAILED;
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find};

/// Moves an intent that requires action on. If the customer succeeds, its invoice is paid, with all
/// that follows from that.
pub fn authenticate(world: &mut World, intent: &str, succeed: bool) -> Result<()> {
    let mut intent = find(&world.payment_intents, intent)?.clone();
    if intent.status != IntentStatus::RequiresAction {
        return Err(ApiError::invalid(format!(
            "This PaymentIntent's status is {}, so there is nothing to authenticate.",
            intent.status.as_str()
        ))
        .code("payment_intent_unexpected_state"));
    }
    let method = intent.payment_method.clone();
    if succeed {
        intent.status = IntentStatus::Succeeded;
        intent.last_error = None;
        intent.charge = Some(world.ids.id("ch"));
    } else {
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.last_error = method.clone().map(|method| (method, AUTHENTICATION_FAILED));
        intent.payment_method = None;
    }
    let (id, now) = (intent.id.clone(), world.now_of(&intent.customer));
    world.payment_intents.put(intent);
    if !succeed {
        return Ok(());
    }
    if let Some(mut method) = method.and_then(|id| world.payment_methods.get(&id).cloned()) {
        // From now on the bank knows that it may be charged while the customer is away.
        method.set_up = true;
        world.payment_methods.put(method);
    }
    let paid = world.invoice_payments.under(&format!("payment_intent={id}")).next_back();
    if let Some(invoice) = paid.map(|payment| payment.invoice.clone()) {
        payments::close_payment(world, &invoice, PaymentStatus::Paid, now);
        invoicing::paid(world, &invoice, now);
    }
    Ok(())
}
