//! Events of invoices, payments, subscriptions, schedules and checkout sessions.

use serde_json::Value;

use super::event_sources::{AttemptFailure, CREATED, Context, DELETED, Source, UPDATED};
use super::{
    checkout_json, invoice_items, invoice_json, invoice_payments, payment_intents,
    subscription_json, subscription_schedule_json,
};
use crate::model::checkout;
use crate::model::invoice::{
    IntentStatus, Invoice, InvoiceItem, InvoicePayment, PaymentIntent, PaymentStatus, Status,
};
use crate::model::schedule::{self, Schedule};
use crate::model::subscription::{self, CancelReason, Collection, Subscription};
use crate::world::World;

impl Source for InvoiceItem {
    const NOUN: &'static str = "invoiceitem";
    const LIFE: &'static [&'static str] = &[CREATED, DELETED];

    fn json(&self, world: &World) -> Value {
        invoice_items::to_json(world, self)
    }
}

impl Source for PaymentIntent {
    const NOUN: &'static str = "payment_intent";
    const LIFE: &'static [&'static str] = &[CREATED];

    fn json(&self, world: &World) -> Value {
        payment_intents::to_json(world, self)
    }

    fn transitions(&self, before: Option<&PaymentIntent>, _: &Context<'_>) -> Vec<&'static str> {
        let is_new = before.is_none_or(|before| before.status != self.status);
        match self.status {
            IntentStatus::Succeeded if is_new => vec!["succeeded"],
            IntentStatus::Canceled if has_failed(self, before) => {
                vec!["payment_failed", "canceled"]
            }
            IntentStatus::Canceled if is_new => vec!["canceled"],
            IntentStatus::RequiresAction if is_new => vec!["requires_action"],
            IntentStatus::Processing if is_new => vec!["processing"],
            _ if has_failed(self, before) => vec!["payment_failed"],
            _ => Vec::new(),
        }
    }
}

/// Returns whether a payment attempt failed since `before`.
fn has_failed(intent: &PaymentIntent, before: Option<&PaymentIntent>) -> bool {
    let attempted = before
        .is_none_or(|before| (before.status, &before.charge) != (intent.status, &intent.charge));
    // A debit that fails late voids the first invoice, and so cancels its payment intent at once.
    let was_processing = before.is_some_and(|before| before.status == IntentStatus::Processing);
    let ended = intent.status == IntentStatus::RequiresPaymentMethod
        || (intent.status == IntentStatus::Canceled && was_processing);
    ended && intent.last_error.is_some() && attempted
}

/// Returns the failed attempt since `before`, if there was one.
pub fn attempt_failure(
    intent: &PaymentIntent,
    before: Option<&PaymentIntent>,
) -> Option<AttemptFailure> {
    let asks = intent.status == IntentStatus::RequiresAction
        && before.is_none_or(|before| before.status != intent.status);
    if asks {
        return Some(AttemptFailure::RequiresAction);
    }
    has_failed(intent, before).then_some(AttemptFailure::Declined)
}

impl Source for Invoice {
    const NOUN: &'static str = "invoice";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED, DELETED];

    fn json(&self, world: &World) -> Value {
        invoice_json::to_json(world, self)
    }

    fn transitions(&self, before: Option<&Invoice>, context: &Context<'_>) -> Vec<&'static str> {
        let mut verbs = Vec::new();
        if self.transitions.finalized.is_some()
            && before.is_none_or(|before| before.transitions.finalized.is_none())
        {
            verbs.push("finalized");
        }
        let attempts = before.map_or(0, |before| before.attempt_count);
        let without_method = self.attempt_count > attempts
            && self.status == Status::Open
            && self.collection == Collection::Charge;
        match context.failures.get(&self.id) {
            Some(failure) => verbs.extend(failure.events()),
            None if without_method => verbs.extend(AttemptFailure::Declined.events()),
            None => {}
        }
        if before.is_none_or(|before| before.status != self.status) {
            match self.status {
                Status::Paid if self.paid_out_of_band => verbs.push("paid"),
                Status::Paid => verbs.extend(["paid", "payment_succeeded"]),
                Status::Uncollectible => verbs.push("marked_uncollectible"),
                Status::Void => verbs.push("voided"),
                Status::Draft | Status::Open => {}
            }
        }
        verbs
    }
}

impl Source for InvoicePayment {
    const NOUN: &'static str = "invoice_payment";
    const LIFE: &'static [&'static str] = &[];

    fn json(&self, _: &World) -> Value {
        invoice_payments::to_json(self)
    }

    fn transitions(&self, before: Option<&InvoicePayment>, _: &Context<'_>) -> Vec<&'static str> {
        let is_new = before.is_none_or(|before| before.status != self.status);
        if is_new && self.status == PaymentStatus::Paid { vec!["paid"] } else { Vec::new() }
    }
}

impl Source for Subscription {
    const NOUN: &'static str = "customer.subscription";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED, DELETED];

    fn json(&self, world: &World) -> Value {
        subscription_json::to_json(world, self)
    }

    fn is_gone(&self) -> bool {
        self.status == subscription::Status::Canceled
    }

    fn transitions(
        &self,
        before: Option<&Subscription>,
        context: &Context<'_>,
    ) -> Vec<&'static str> {
        let mut verbs = Vec::new();
        let was_paused = before.is_some_and(|before| before.paused.is_some());
        match (was_paused, self.paused.is_some()) {
            (false, true) => verbs.push("paused"),
            (true, false) if !self.status.is_terminal() => verbs.push("resumed"),
            _ => {}
        }
        let pending =
            |sub: &Subscription| sub.pending_update.as_ref().map(|pending| pending.invoice.clone());
        let ended = before.and_then(pending).filter(|id| pending(self).as_ref() != Some(id));
        if let Some(invoice) = ended {
            let paid = context.world.invoices().get(&invoice);
            let paid = paid.is_some_and(|invoice| invoice.status == Status::Paid);
            verbs.push(if paid { "pending_update_applied" } else { "pending_update_expired" });
        }
        verbs
    }
}

/// Returns the discounts of the subscription and its items.
pub fn discounts_of(sub: &Subscription) -> Vec<&String> {
    sub.discounts.iter().chain(sub.items.iter().flat_map(|item| &item.discounts)).collect()
}

impl Source for Schedule {
    const NOUN: &'static str = "subscription_schedule";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];

    fn json(&self, world: &World) -> Value {
        subscription_schedule_json::to_json(world, self)
    }

    fn transitions(&self, before: Option<&Schedule>, context: &Context<'_>) -> Vec<&'static str> {
        if before.is_some_and(|before| before.status == self.status) {
            return Vec::new();
        }
        let sub = self.subscription.as_ref();
        let sub = sub.and_then(|id| context.world.subscriptions().get(id));
        let unpaid =
            sub.is_some_and(|sub| sub.cancellation.reason == Some(CancelReason::PaymentFailed));
        match self.status {
            schedule::Status::Canceled if unpaid => vec!["aborted"],
            schedule::Status::Canceled => vec!["canceled"],
            schedule::Status::Completed => vec!["completed"],
            schedule::Status::Released => vec!["released"],
            schedule::Status::Active | schedule::Status::NotStarted => Vec::new(),
        }
    }
}

impl Source for checkout::Session {
    const NOUN: &'static str = "checkout.session";
    const LIFE: &'static [&'static str] = &[];

    fn json(&self, world: &World) -> Value {
        checkout_json::to_json(world, self)
    }

    fn transitions(
        &self,
        before: Option<&checkout::Session>,
        _: &Context<'_>,
    ) -> Vec<&'static str> {
        let was_complete = before.is_some_and(|before| before.completed.is_some());
        let was_expired = before.is_some_and(|before| before.expired);
        match (self.completed.is_some() && !was_complete, self.expired && !was_expired) {
            (true, _) => vec!["completed"],
            (_, true) => vec!["expired"],
            _ => Vec::new(),
        }
    }
}
