//! `POST /v1/subscriptions/{id}`: plain fields, cancellation dates, and changes that cost money.

use super::collect::{self, Attempt};
use super::discounts::Redeemer;
use super::plan::{Planned, Wish, plan};
use super::refusals::{declined, managed_by, no_payment_method, requires_action};
use super::subscribe::PaymentBehavior;
use super::{finalize, pending};
use crate::engine::period::Timestamp;
use crate::http::errors::{ApiError, Result};
use crate::http::limits::check_invoices;
use crate::http::params::{Change, MetadataChange};
use crate::model::catalog::{Discount, Redeem};
use crate::model::subscription::{
    CancelReason, Collection, PauseBehavior, PendingUpdate, Status, Subscription,
    TrialSettingsChange,
};
use crate::world::World;

/// `cancel_at`: a moment, or a word for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAt {
    Time(Timestamp),
    MinPeriodEnd,
    MaxPeriodEnd,
}

/// An update as it was asked for; ids in it are known to exist.
#[derive(Default)]
pub struct Update {
    pub metadata: Option<MetadataChange>,
    pub feedback: Change<String>,
    pub comment: Change<String>,
    pub default_payment_method: Change<String>,
    pub description: Change<String>,
    pub default_tax_rates: Option<Vec<String>>,
    pub discounts: Option<Vec<Redeem>>,
    pub cancel_at: Change<CancelAt>,
    pub cancel_at_period_end: Option<bool>,
    pub pause_collection: Change<(PauseBehavior, Option<Timestamp>)>,
    pub collection: Option<Collection>,
    pub days_until_due: Option<i64>,
    pub trial_settings: TrialSettingsChange,
    pub save_default_payment_method: Option<bool>,
    pub wish: Wish,
    pub behavior: Option<PaymentBehavior>,
}

impl Update {
    /// Whether it touches more than what stays editable after the end.
    fn edits_more_than_notes(&self) -> bool {
        self.default_payment_method.is_some()
            || self.description.is_some()
            || self.default_tax_rates.is_some()
            || self.discounts.is_some()
            || self.cancel_at.is_some()
            || self.cancel_at_period_end.is_some()
            || self.pause_collection.is_some()
            || self.collection.is_some()
            || !self.wish.is_nothing()
    }

    fn says_when_it_ends(&self) -> bool {
        self.cancel_at_period_end.is_some() || self.cancel_at.is_some()
    }

    /// Whether it cannot be made while `pending` waits.
    fn conflicts_with(&self, pending: &PendingUpdate) -> bool {
        !self.wish.is_nothing()
            || self.discounts.is_some()
            || self.default_tax_rates.is_some()
            || self.collection == Some(Collection::Send)
            || (self.says_when_it_ends()
                && pending.cancel_at_period_end.is_some()
                && pending.cancel_at_period_end != self.cancel_at_period_end)
    }
}

pub fn update(world: &mut World, id: &str, update: &Update) -> Result<()> {
    let now = world.now_of(&world.subscription(id).customer);
    let mut sub = world.subscription(id);
    if sub.status.is_terminal() && update.edits_more_than_notes() {
        return Err(ApiError::invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
        )
        .code("invalid_canceled_subscription_fields"));
    }
    if let Some(schedule) = sub.schedule.as_ref().filter(|_| update.says_when_it_ends()) {
        return Err(managed_by(schedule));
    }
    set_plain_fields(&mut sub, update);
    let mut redeemer = Redeemer::of(&sub, now);
    let outcome = replace_discounts(world, &mut sub, update.discounts.as_deref(), &mut redeemer)
        .and_then(|()| change_and_bill(world, &sub, update, &mut redeemer, now));
    match outcome {
        Ok(true) => redeemer.count(world),
        Ok(false) => {}
        Err(refusal) => {
            redeemer.take_back(world);
            return Err(refusal);
        }
    }
    Ok(())
}

/// The discounts of the whole subscription, if others are asked for.
pub fn replace_discounts(
    world: &mut World,
    sub: &mut Subscription,
    wanted: Option<&[Redeem]>,
    redeemer: &mut Redeemer,
) -> Result<()> {
    if let Some(wanted) = wanted {
        let (id, present) = (sub.id.clone(), sub.discounts.clone());
        let own = |new| Discount { subscription: Some(id.clone()), ..new };
        sub.discounts = redeemer.redeem(world, wanted, &present, own)?;
    }
    Ok(())
}

fn set_plain_fields(sub: &mut Subscription, update: &Update) {
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
    set(&mut sub.description, update.description.as_ref());
    set(&mut sub.default_tax_rates, update.default_tax_rates.as_ref());
    set(&mut sub.pause_collection, update.pause_collection.as_ref());
    set(&mut sub.collection, update.collection.as_ref());
    sub.trial_settings = update.trial_settings.apply(sub.trial_settings);
    set(&mut sub.save_default_payment_method, update.save_default_payment_method.as_ref());
    sub.days_until_due = update.days_until_due.or(sub.days_until_due);
}

/// When it is to end: as asked for, or as before but counted from the periods that it has now.
pub fn set_cancellation(
    sub: &mut Subscription,
    at_period_end: Option<bool>,
    cancel_at: Change<CancelAt>,
    now: Timestamp,
) {
    if sub.status.is_terminal() {
        return;
    }
    if at_period_end.is_some() {
        sub.cancel_at = None;
    }
    sub.cancel_at_period_end = at_period_end.unwrap_or(sub.cancel_at_period_end);
    if sub.cancel_at_period_end {
        sub.cancel_at = sub.last_period_end();
    }
    if let Some(at) = cancel_at {
        sub.cancel_at_period_end = false;
        sub.cancel_at = at.and_then(|at| match at {
            CancelAt::Time(at) => Some(at),
            CancelAt::MinPeriodEnd => sub.next_period_end(),
            CancelAt::MaxPeriodEnd => sub.last_period_end(),
        });
    }
    sub.canceled_at = sub.cancel_at.map(|_| sub.canceled_at.unwrap_or(now));
    sub.cancellation.reason = sub.cancel_at.map(|_| CancelReason::Requested);
}

/// Makes the change, or keeps it until it is paid; says whether it was made.
fn change_and_bill(
    world: &mut World,
    sub: &Subscription,
    update: &Update,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<bool> {
    let mut planned = plan(world, sub, &update.wish, redeemer, now)?;
    set_cancellation(&mut planned.sub, update.cancel_at_period_end, update.cancel_at, now);
    if planned.sub.cancel_at.is_some_and(|at| at <= now) && !sub.status.is_terminal() {
        return Err(
            ApiError::invalid("`cancel_at` must be a timestamp in the future.").param("cancel_at")
        );
    }
    if planned.invoice.is_some() {
        check_invoices(world, &sub.id, now)?;
    }
    let behavior = update.behavior.unwrap_or(PaymentBehavior::Allow);
    if let Some(refusal) = refusal(world, &planned, behavior)? {
        if behavior == PaymentBehavior::Error {
            return Err(refusal);
        }
        pending::park(world, &sub.id, planned, update, now);
        return Ok(false);
    }
    if sub.pending_update.as_ref().is_some_and(|pending| update.conflicts_with(pending)) {
        pending::discard(world, &sub.id, now);
        planned.sub.pending_update = None;
    }
    make(world, planned, behavior, now);
    Ok(true)
}

pub fn make(world: &mut World, planned: Planned, behavior: PaymentBehavior, now: Timestamp) {
    let Planned { mut sub, items, waited, invoice, .. } = planned;
    for item in &items {
        world.invoice_items.put(item.clone());
    }
    let Some(invoice) = invoice else { return world.put_subscription(sub) };
    world.claim_items(items.into_iter().chain(waited).collect(), &invoice.id);
    let id = finalize::keep_as_latest(world, &mut sub, invoice);
    finalize::finalize(world, &id, now);
    collect_change(world, &id, behavior, now);
}

/// Why the change's invoice would not be paid at once, where that keeps the change from being made.
fn refusal(
    world: &World,
    planned: &Planned,
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
    let Some(method) = collect::method_of(world, sub) else { return Err(no_payment_method()) };
    Ok(match Attempt::from(method.charge()) {
        Attempt::Paid | Attempt::NoPaymentMethod => None,
        Attempt::Declined(failure) => Some(declined(failure)),
        Attempt::RequiresAction => Some(requires_action("subscription")),
    })
}

fn collect_change(world: &mut World, invoice: &str, behavior: PaymentBehavior, now: Timestamp) {
    let kept = world.invoice(invoice);
    if kept.amount_remaining() == 0 || kept.collection == Collection::Send {
        return;
    }
    if behavior != PaymentBehavior::Default {
        return collect::automatic(world, invoice, now);
    }
    let Some(mut sub) = kept.subscription.map(|id| world.subscription(&id)) else { return };
    if sub.status == Status::Active {
        sub.status = Status::PastDue;
        world.put_subscription(sub);
    }
}
