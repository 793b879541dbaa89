//! `POST /v1/subscriptions/{id}`.

use super::automatic_tax::check_location;
use super::cancellation::set_cancellation;
use super::discounts::{Redeemer, replace_discounts};
use super::errors::{
    declined, managed_by_schedule, no_payment_method, subscription_requires_action,
};
use super::invoicing::apply_change;
use super::payments::{self, Attempt};
use super::plan::{PlannedChange, plan};
use super::update::Update;
use super::{hold_update, void};
use crate::model::subscription::{Collection, PaymentBehavior, Subscription};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

pub fn update(world: &mut World, id: &str, update: &Update) -> Result<()> {
    let now = world.now_of(&world.subscription(id).customer);
    let mut sub = world.subscription(id);
    if sub.status.is_terminal() && update.changes_more_than_metadata() {
        return Err(ApiError::invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
        )
        .code("invalid_canceled_subscription_fields"));
    }
    if let Some(schedule) = sub.schedule.as_ref().filter(|_| update.sets_cancellation()) {
        return Err(managed_by_schedule(schedule));
    }
    set_simple_fields(&mut sub, update);
    if update.changes_more_than_metadata() {
        check_location(world, &sub.customer, sub.automatic_tax)?;
    }
    let mut redeemer = Redeemer::of(&sub, now);
    let outcome = replace_discounts(world, &mut sub, update.discounts.as_deref(), &mut redeemer)
        .and_then(|()| apply_or_hold(world, &sub, update, &mut redeemer, now));
    match outcome {
        Ok(true) => redeemer.commit(world),
        Ok(false) => {}
        Err(refusal) => {
            redeemer.roll_back(world);
            return Err(refusal);
        }
    }
    Ok(())
}

fn set_simple_fields(sub: &mut Subscription, update: &Update) {
    fn set<T: Clone>(field: &mut T, value: Option<&T>) {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    if let Some(change) = update.metadata.clone() {
        change.apply(&mut sub.metadata);
    }
    set(&mut sub.cancellation.feedback, update.feedback.as_ref());
    set(&mut sub.cancellation.comment, update.comment.as_ref());
    set(&mut sub.default_payment_method, update.default_payment_method.as_ref());
    set(&mut sub.automatic_tax, update.automatic_tax.as_ref());
    set(&mut sub.description, update.description.as_ref());
    set(&mut sub.default_tax_rates, update.default_tax_rates.as_ref());
    set(&mut sub.pause_collection, update.pause_collection.as_ref());
    set(&mut sub.collection, update.collection.as_ref());
    sub.trial_settings = update.trial_settings.apply(sub.trial_settings);
    set(&mut sub.save_default_payment_method, update.save_default_payment_method.as_ref());
    sub.days_until_due = update.days_until_due.or(sub.days_until_due);
}

/// Applies the billing change, or stores it as a pending update. Returns whether it was applied.
fn apply_or_hold(
    world: &mut World,
    sub: &Subscription,
    update: &Update,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<bool> {
    let mut planned = plan(world, sub, &update.billing, redeemer, now)?;
    set_cancellation(&mut planned.sub, update.cancel_at_period_end, update.cancel_at, now);
    if planned.sub.cancel_at.is_some_and(|at| at <= now) && !sub.status.is_terminal() {
        return Err(
            ApiError::invalid("`cancel_at` must be a timestamp in the future.").param("cancel_at")
        );
    }
    if planned.invoice.is_some() {
        world.invoice_limits.check(world.invoices(), &sub.id, now)?;
    }
    let behavior = update.behavior.unwrap_or(PaymentBehavior::Allow);
    if let Some(error) = payment_error(world, &planned, behavior)? {
        if behavior == PaymentBehavior::Error {
            return Err(error);
        }
        hold_update::hold_until_paid(world, &sub.id, planned, update, now);
        return Ok(false);
    }
    if sub.pending_update.as_ref().is_some_and(|pending| update.conflicts_with(pending)) {
        void::discard_pending_update(world, &sub.id, now);
        planned.sub.pending_update = None;
    }
    apply_change(world, planned, behavior, now);
    Ok(true)
}

/// Returns the error of a payment that would fail, for payment behaviors that do not apply an
/// unpaid change.
fn payment_error(
    world: &World,
    planned: &PlannedChange,
    behavior: PaymentBehavior,
) -> Result<Option<ApiError>> {
    let sub = &planned.sub;
    let cautious = matches!(behavior, PaymentBehavior::Error | PaymentBehavior::Pending);
    if !cautious || planned.invoice.as_ref().is_none_or(|invoice| invoice.amount_due == 0) {
        return Ok(None);
    }
    if sub.collection == Collection::Send {
        return match behavior {
            PaymentBehavior::Pending => Err(ApiError::invalid(
                "`payment_behavior=pending_if_incomplete` can only be used with `collection_method=charge_automatically`.",
            )
            .param("payment_behavior")),
            _ => Ok(None),
        };
    }
    let Some(method) = payments::subscription_payment_method(world, sub) else {
        return Err(no_payment_method());
    };
    if behavior == PaymentBehavior::Pending && !method.instrument.is_card() {
        return Err(ApiError::invalid(format!(
            "`payment_behavior=pending_if_incomplete` does not support payment methods of type `{}`.",
            method.instrument.kind()
        ))
        .param("payment_behavior"));
    }
    Ok(match Attempt::from(method.charge()) {
        // Stored as a pending update; the error is not returned.
        Attempt::Processing(_) if behavior == PaymentBehavior::Pending => {
            Some(subscription_requires_action())
        }
        Attempt::Paid | Attempt::Processing(_) | Attempt::NoPaymentMethod => None,
        Attempt::Declined(failure) => Some(declined(failure)),
        Attempt::RequiresAction => Some(subscription_requires_action()),
    })
}
