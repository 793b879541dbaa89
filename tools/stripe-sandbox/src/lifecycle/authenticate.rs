//! A payment that waits for the card's holder: what follows when they confirm it, and when they do not.

use super::{collect, finalize};
use crate::engine::payment::Failure;
use crate::model::invoice::{IntentStatus, PaymentStatus};
use crate::world::World;

pub const FAILED: Failure = Failure {
    code: "payment_intent_authentication_failure",
    decline_code: None,
    advice_code: None,
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
};

/// Ends the waiting of a `requires_action` intent. False: it does not wait.
pub fn authenticate(world: &mut World, intent: &str, succeed: bool) -> bool {
    let Some(mut intent) = world.payment_intents.get(intent).cloned() else { return false };
    if intent.status != IntentStatus::RequiresAction {
        return false;
    }
    let at = world.now_of(&intent.customer);
    let key = format!("payment_intent={}", intent.id);
    let invoice = world.invoice_payments.under(&key).next_back().map(|p| p.invoice.clone());
    if !succeed {
        intent.last_error = intent.payment_method.take().map(|method| (method, FAILED));
        intent.status = IntentStatus::RequiresPaymentMethod;
        world.payment_intents.put(intent);
        return true;
    }
    // Some cards ask only once: this was it.
    let method = intent.payment_method.as_ref().and_then(|id| world.payment_methods.get(id));
    if let Some(mut method) = method.cloned() {
        method.set_up = true;
        world.payment_methods.put(method);
    }
    intent.status = IntentStatus::Succeeded;
    intent.last_error = None;
    intent.charge = Some(world.ids.id("ch"));
    world.payment_intents.put(intent);
    if let Some(invoice) = invoice {
        collect::close_payment(world, &invoice, PaymentStatus::Paid, at);
        finalize::paid(world, &invoice, at);
    }
    true
}
