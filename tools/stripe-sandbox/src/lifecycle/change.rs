//! `POST /v1/subscriptions/{id}`: plain fields, cancellation dates, and changes that cost money.

use super::collect::{self, Attempt};
use super::discounts::{count_redemption, discount};
use super::draft::{NewInvoice, name_debits};
use super::prorate::{Changed, ItemsChange, ProrationBehavior, as_invoice_items, change_items};
use super::refusals::{declined, no_payment_method, requires_action};
use super::subscribe::PaymentBehavior;
use super::{finalize, renew};
use crate::engine::period::Timestamp;
use crate::http::errors::{ApiError, Result};
use crate::http::params::{Change, MetadataChange};
use crate::model::invoice::{BillingReason, Invoice, InvoiceItem, Line};
use crate::model::subscription::{
    Collection, MissingPaymentMethod, PauseBehavior, Status, Subscription,
};
use crate::world::World;

/// `cancel_at`: a moment, or a word for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAt {
    Time(Timestamp),
    MinPeriodEnd,
    MaxPeriodEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    Now,
    At(Timestamp),
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
    pub coupons: Option<Vec<String>>,
    pub cancel_at: Change<CancelAt>,
    pub cancel_at_period_end: Option<bool>,
    pub pause_collection: Change<(PauseBehavior, Option<Timestamp>)>,
    pub collection: Option<Collection>,
    pub days_until_due: Option<i64>,
    pub missing_payment_method: Option<MissingPaymentMethod>,
    pub save_default_payment_method: Option<bool>,
    pub trial_end: Option<TrialEnd>,
    pub items: Option<ItemsChange>,
    pub behavior: Option<PaymentBehavior>,
}

impl Update {
    /// Whether it touches more than what stays editable after the end.
    fn edits_more_than_notes(&self) -> bool {
        self.default_payment_method.is_some()
            || self.description.is_some()
            || self.default_tax_rates.is_some()
            || self.coupons.is_some()
            || self.cancel_at.is_some()
            || self.cancel_at_period_end.is_some()
            || self.pause_collection.is_some()
            || self.collection.is_some()
            || self.trial_end.is_some()
            || self.items.is_some()
    }
}

pub fn update(world: &mut World, id: &str, update: Update) -> Result<()> {
    let now = world.now_of(&world.subscription(id).customer);
    let mut sub = world.subscription(id);
    if sub.status.is_terminal() && update.edits_more_than_notes() {
        return Err(ApiError::invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
        )
        .code("invalid_canceled_subscription_fields"));
    }
    let behavior = update.behavior.unwrap_or(PaymentBehavior::Allow);
    let items = update.items.clone();
    let trial_end = update.trial_end;
    let coupons = update.coupons.clone();
    set_plain_fields(&mut sub, update);
    set_cancellation(&mut sub, now)?;
    if let Some(coupons) = coupons {
        set_discounts(world, &mut sub, &coupons, now)?;
    }
    if let Some(end) = trial_end {
        return move_trial_end(world, sub, end, behavior, now);
    }
    match items {
        None => world.put_subscription(sub),
        Some(items) => change_and_bill(world, &sub, &items, behavior, now)?,
    }
    Ok(())
}

fn set_plain_fields(sub: &mut Subscription, update: Update) {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    if let Some(change) = update.metadata {
        change.apply(&mut sub.metadata);
    }
    set(&mut sub.cancellation.feedback, update.feedback);
    set(&mut sub.cancellation.comment, update.comment);
    set(&mut sub.default_payment_method, update.default_payment_method);
    set(&mut sub.description, update.description);
    set(&mut sub.default_tax_rates, update.default_tax_rates);
    set(&mut sub.pause_collection, update.pause_collection);
    set(&mut sub.collection, update.collection);
    set(&mut sub.missing_payment_method, update.missing_payment_method);
    set(&mut sub.save_default_payment_method, update.save_default_payment_method);
    if update.days_until_due.is_some() {
        sub.days_until_due = update.days_until_due;
    }
    if let Some(at_end) = update.cancel_at_period_end {
        sub.cancel_at_period_end = at_end;
        sub.cancel_at = if at_end { sub.last_period_end() } else { None };
    }
    if let Some(at) = update.cancel_at {
        sub.cancel_at_period_end = false;
        sub.cancel_at = at.and_then(|at| match at {
            CancelAt::Time(at) => Some(at),
            CancelAt::MinPeriodEnd => sub.next_period_end(),
            CancelAt::MaxPeriodEnd => sub.last_period_end(),
        });
    }
}

fn set_cancellation(sub: &mut Subscription, now: Timestamp) -> Result<()> {
    use crate::model::subscription::CancelReason;
    if sub.status.is_terminal() {
        return Ok(());
    }
    match sub.cancel_at {
        Some(at) if at <= now => {
            Err(ApiError::invalid("`cancel_at` must be a timestamp in the future.")
                .param("cancel_at"))
        }
        Some(_) => {
            sub.canceled_at = sub.canceled_at.or(Some(now));
            sub.cancellation.reason = Some(CancelReason::Requested);
            Ok(())
        }
        None => {
            sub.canceled_at = None;
            sub.cancellation.reason = None;
            Ok(())
        }
    }
}

fn set_discounts(
    world: &mut World,
    sub: &mut Subscription,
    coupons: &[String],
    now: Timestamp,
) -> Result<()> {
    let mut made = Vec::new();
    for coupon in coupons {
        // `discounts[][discount]=di_…` keeps one that is there.
        if sub.discounts.contains(coupon) {
            made.push(coupon.clone());
            continue;
        }
        let mut new = discount(world, coupon, &sub.customer, sub.currency, now)?;
        new.subscription = Some(sub.id.clone());
        made.push(new.id.clone());
        count_redemption(world, coupon);
        world.discounts.put(new);
    }
    sub.discounts = made;
    Ok(())
}

fn move_trial_end(
    world: &mut World,
    mut sub: Subscription,
    end: TrialEnd,
    behavior: PaymentBehavior,
    now: Timestamp,
) -> Result<()> {
    if sub.status != Status::Trialing {
        return Err(ApiError::not_imitated("trial_end (of a subscription that is not trialing)"));
    }
    match end {
        TrialEnd::At(at) if at > now => {
            sub.trial = sub.trial.map(|(start, _)| (start, at));
            sub.anchor = at;
            sub.items.iter_mut().for_each(|item| item.period.1 = at);
            world.put_subscription(sub);
            Ok(())
        }
        TrialEnd::At(_) => Err(ApiError::invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
        )
        .param("trial_end")),
        TrialEnd::Now => {
            sub.trial = sub.trial.map(|(start, _)| (start, now));
            sub.status = Status::Active;
            let lines = renew::begin_periods(world, &mut sub, now);
            bill(world, sub, Vec::new(), lines, behavior, now)
        }
    }
}

fn change_and_bill(
    world: &mut World,
    sub: &Subscription,
    items: &ItemsChange,
    behavior: PaymentBehavior,
    now: Timestamp,
) -> Result<()> {
    let mut changed = change_items(world, sub, items, now)?;
    let waiting = as_invoice_items(world, &mut changed);
    let Changed { sub, periods, reset, .. } = changed;
    let new: Vec<InvoiceItem> = waiting
        .into_iter()
        .map(|(id, line)| InvoiceItem {
            id,
            customer: sub.customer.clone(),
            subscription: Some(sub.id.clone()),
            invoice: None,
            currency: sub.currency,
            line,
            date: now,
            test_clock: sub.test_clock.clone(),
        })
        .collect();
    let at_once = reset || (items.behavior == ProrationBehavior::AlwaysInvoice && !new.is_empty());
    if !at_once {
        for item in new {
            world.invoice_items.put(item);
        }
        world.put_subscription(sub);
        return Ok(());
    }
    bill(world, sub, new, periods, behavior, now)
}

/// Bills a change at once: its prorations, what was pending before it, and periods that begin now.
fn bill(
    world: &mut World,
    mut sub: Subscription,
    new: Vec<InvoiceItem>,
    periods: Vec<Line>,
    behavior: PaymentBehavior,
    now: Timestamp,
) -> Result<()> {
    let mut items = new;
    items.extend(world.pending_items(&sub));
    let lines: Vec<Line> = items.iter().map(|item| item.line.clone()).chain(periods).collect();
    if lines.is_empty() {
        world.put_subscription(sub);
        return Ok(());
    }
    let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(now);
    let new = NewInvoice {
        reason: BillingReason::SubscriptionUpdate,
        lines,
        period: (start.min(now), now),
        created: now,
    };
    let mut invoice = world.draft(&sub, new);
    invoice.auto_advance = false;
    refuse_unpayable(world, &sub, &invoice, behavior)?;
    for item in &items {
        world.invoice_items.put(item.clone());
    }
    world.claim_items(items, &invoice.id);
    name_debits(&mut sub, &invoice);
    let id = finalize::keep_as_latest(world, &mut sub, invoice);
    finalize::finalize(world, &id, now);
    collect_change(world, &id, behavior, now);
    Ok(())
}

fn refuse_unpayable(
    world: &World,
    sub: &Subscription,
    invoice: &Invoice,
    behavior: PaymentBehavior,
) -> Result<()> {
    let cautious = matches!(behavior, PaymentBehavior::Error | PaymentBehavior::Pending);
    if !cautious || invoice.amount_due == 0 || sub.collection == Collection::Send {
        return Ok(());
    }
    let Some(method) = collect::method_of(world, sub) else { return Err(no_payment_method()) };
    match Attempt::from(method.card.charge(method.set_up)) {
        Attempt::Paid | Attempt::NoPaymentMethod => Ok(()),
        _ if behavior == PaymentBehavior::Pending => Err(ApiError::not_imitated(
            "payment_behavior (pending_if_incomplete with a payment that does not succeed)",
        )),
        Attempt::Declined(failure) => Err(declined(failure)),
        Attempt::RequiresAction => Err(requires_action("subscription")),
    }
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
