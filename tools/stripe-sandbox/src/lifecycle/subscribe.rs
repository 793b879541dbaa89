//! A new subscription: its items, its first invoice and the first payment.

use super::collect::{self, Attempt};
use super::discounts::Redeemer;
use super::draft::NewInvoice;
use super::finalize;
use super::items::{make_item, set_currency};
use super::refusals::{declined, no_payment_method, other_currency, requires_action};
use super::swap::redeem_for;
use crate::engine::lines::Context;
use crate::engine::money::Currency;
use crate::engine::period::{HOUR, Timestamp};
use crate::engine::proration::share;
use crate::http::errors::{ApiError, Result};
use crate::model::Metadata;
use crate::model::catalog::{Discount, Redeem};
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{
    BillingMode, Cancellation, Collection, Item, Status, Subscription, TrialSettings,
};
use crate::model::words;
use crate::world::World;

words!(PaymentBehavior {
    Allow = "allow_incomplete",
    Default = "default_incomplete",
    Error = "error_if_incomplete",
    Pending = "pending_if_incomplete",
});

/// How long a first payment may take.
pub const PATIENCE: i64 = 23 * HOUR;

/// A new subscription as it was asked for; ids in it are known to exist.
pub struct NewSubscription {
    pub customer: String,
    pub items: Vec<NewItem>,
    pub currency: Option<Currency>,
    pub collection: Collection,
    pub days_until_due: Option<i64>,
    pub default_payment_method: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub discounts: Vec<Redeem>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub trial_end: Option<Timestamp>,
    pub trial_settings: TrialSettings,
    /// The first full period begins here; until then the customer pays a part.
    pub anchor: Option<Timestamp>,
    pub prorate_first: bool,
    /// The billing mode, and whether prorations show their discounts.
    pub mode: (BillingMode, bool),
    pub behavior: PaymentBehavior,
    pub save_default_payment_method: bool,
}

#[derive(Clone, Debug)]
pub struct NewItem {
    pub price: String,
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub discounts: Vec<Redeem>,
    pub metadata: Metadata,
}

/// Creates it and, as far as that is how it is collected, pays for it. Returns its id.
pub fn subscribe(world: &mut World, new: &NewSubscription) -> Result<String> {
    let now = world.now_of(&new.customer);
    let currency = choose_currency(world, new)?;
    let mut redeemer = Redeemer::new(&new.customer, currency, now);
    match prepare(world, new, &mut redeemer, now) {
        Ok((sub, invoice)) => {
            redeemer.count(world);
            Ok(keep(world, sub, invoice, new.behavior, now))
        }
        Err(refusal) => {
            redeemer.take_back(world);
            Err(refusal)
        }
    }
}

/// The subscription and its first invoice, neither of them kept.
fn prepare(
    world: &mut World,
    new: &NewSubscription,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<(Subscription, Option<Invoice>)> {
    let mut sub = build(world, new, redeemer, now)?;
    let lines = first_lines(world, &mut sub, new, now);
    let invoice = (!lines.is_empty()).then(|| {
        let new = NewInvoice {
            reason: BillingReason::SubscriptionCreate,
            lines,
            period: (now, now),
            created: now,
        };
        world.draft(&sub, new)
    });
    if let Some(invoice) = &invoice {
        payable(world, &sub, invoice, new.behavior)?;
    }
    Ok((sub, invoice))
}

fn keep(
    world: &mut World,
    sub: Subscription,
    invoice: Option<Invoice>,
    behavior: PaymentBehavior,
    now: Timestamp,
) -> String {
    set_currency(world, &sub.customer, sub.currency);
    let id = sub.id.clone();
    match invoice {
        None => world.put_subscription(sub),
        Some(invoice) => start(world, sub, invoice, behavior, now),
    }
    id
}

fn start(
    world: &mut World,
    mut sub: Subscription,
    mut invoice: Invoice,
    behavior: PaymentBehavior,
    now: Timestamp,
) {
    if sub.collection == Collection::Send && invoice.amount_due > 0 {
        invoice.finalizes_at = Some(now + HOUR);
        finalize::keep_as_latest(world, &mut sub, invoice);
        return;
    }
    let trialing = sub.status == Status::Trialing;
    if invoice.amount_due > 0 && !trialing {
        sub.status = Status::Incomplete;
        sub.expires_at = Some(now + PATIENCE);
    }
    let id = finalize::keep_as_latest(world, &mut sub, invoice);
    finalize::finalize(world, &id, now);
    if behavior == PaymentBehavior::Default || world.invoice(&id).amount_remaining() == 0 {
        return;
    }
    collect::automatic(world, &id, now);
    remember_method(world, &sub.id);
}

/// `save_default_payment_method=on_subscription`: what paid once is to pay again.
fn remember_method(world: &mut World, sub: &str) {
    let mut sub = world.subscription(sub);
    if sub.save_default_payment_method
        && sub.status == Status::Active
        && sub.default_payment_method.is_none()
    {
        sub.default_payment_method =
            collect::method_of(world, &sub).map(|method| method.id.clone());
        world.put_subscription(sub);
    }
}

/// Refuses before anything is kept what would have to be taken back otherwise.
fn payable(
    world: &World,
    sub: &Subscription,
    invoice: &Invoice,
    behavior: PaymentBehavior,
) -> Result<()> {
    if sub.collection == Collection::Send
        || invoice.amount_due == 0
        || behavior == PaymentBehavior::Default
    {
        return Ok(());
    }
    let Some(method) = collect::method_of(world, sub) else { return Err(no_payment_method()) };
    if behavior != PaymentBehavior::Error {
        return Ok(());
    }
    match Attempt::from(method.charge()) {
        Attempt::Declined(failure) => Err(declined(failure)),
        Attempt::RequiresAction => Err(requires_action("subscription")),
        Attempt::Paid | Attempt::NoPaymentMethod => Ok(()),
    }
}

fn build(
    world: &mut World,
    new: &NewSubscription,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Subscription> {
    let currency = choose_currency(world, new)?;
    check_intervals(world, new)?;
    let id = world.ids.id("sub");
    let own = |new| Discount { subscription: Some(id.clone()), ..new };
    let discounts = redeemer.redeem(world, &new.discounts, &[], own)?;
    let items = build_items(world, new, currency, redeemer, now)?;
    let customer = world.customer(&new.customer);
    Ok(Subscription {
        id,
        customer: customer.id.clone(),
        status: if new.trial_end.is_some() { Status::Trialing } else { Status::Active },
        mode: new.mode.0,
        itemized: new.mode.1,
        items,
        currency,
        anchor: new.anchor.or(new.trial_end).unwrap_or(now),
        created: now,
        start: now,
        collection: new.collection,
        days_until_due: new.days_until_due,
        default_payment_method: new.default_payment_method.clone(),
        default_tax_rates: new.default_tax_rates.clone(),
        discounts,
        description: new.description.clone(),
        metadata: new.metadata.clone(),
        trial: new.trial_end.map(|end| (now, end)),
        trial_settings: new.trial_settings,
        cancel_at: None,
        cancel_at_period_end: false,
        canceled_at: None,
        cancellation: Cancellation::default(),
        ended_at: None,
        latest_invoice: None,
        pause_collection: None,
        paused: None,
        resumption: None,
        save_default_payment_method: new.save_default_payment_method,
        expires_at: None,
        pending_update: None,
        schedule: None,
        test_clock: customer.test_clock.clone(),
    })
}

fn build_items(
    world: &mut World,
    new: &NewSubscription,
    currency: Currency,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for wanted in &new.items {
        let id = world.ids.id("si");
        let discounts = redeem_for(world, &id, &wanted.discounts, &[], redeemer)?;
        items.push(make_item(world, wanted, id, discounts, currency, now)?);
    }
    Ok(items)
}

fn choose_currency(world: &World, new: &NewSubscription) -> Result<Currency> {
    let customer = world.customer(&new.customer);
    if let (Some(asked), Some(fixed)) = (new.currency, customer.currency)
        && asked != fixed
    {
        return Err(other_currency(fixed));
    }
    let first = new.items.first().map(|item| world.price(&item.price).currency);
    let currency =
        new.currency.or(customer.currency).or(first).expect("there is at least one item");
    Ok(currency)
}

fn check_intervals(world: &World, new: &NewSubscription) -> Result<()> {
    for (index, item) in new.items.iter().enumerate() {
        if new.items[..index].iter().any(|before| before.price == item.price) {
            return Err(ApiError::invalid(format!(
                "Cannot add multiple subscription items with the same plan: {}",
                item.price
            )));
        }
    }
    let interval = |item: &NewItem| {
        world.price(&item.price).recurring.as_ref().map(|recurring| recurring.interval)
    };
    let mixed = new.items.windows(2).any(|pair| interval(&pair[0]) != interval(&pair[1]));
    if mixed && new.mode.0 == BillingMode::Classic {
        return Err(ApiError::invalid(
            "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If you meant to update an existing subscription item instead of creating a new one, make sure to include the subscription item ID in your request.",
        ));
    }
    Ok(())
}

/// Sets the items' first periods and returns what is charged for them.
fn first_lines(
    world: &World,
    sub: &mut Subscription,
    new: &NewSubscription,
    now: Timestamp,
) -> Vec<Line> {
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, old);
        if let Some(end) = new.trial_end {
            item.period = (now, end);
            lines.extend(old.quantity.map(|_| context.trial(item.period)));
            continue;
        }
        let (period, own) = first_period(context, now, new.prorate_first);
        item.period = period;
        lines.extend(own);
    }
    lines
}

/// The period that an item begins at `now`, up to the next boundary of the subscription's cycle, and
/// what it costs: all of it, or its part of a whole one.
pub fn first_period(
    context: Context<'_>,
    now: Timestamp,
    prorate: bool,
) -> ((Timestamp, Timestamp), Vec<Line>) {
    let natural = context.interval().period_at(context.subscription.anchor, now);
    let period = (now.max(natural.0), natural.1);
    if natural.0 == now {
        (period, context.period_ahead(period))
    } else if prorate && context.item.quantity.is_some() {
        (period, vec![part_of_a_period(context, now, natural)])
    } else {
        (period, Vec::new())
    }
}

fn part_of_a_period(context: Context<'_>, now: Timestamp, natural: (Timestamp, Timestamp)) -> Line {
    let amount = share(context.full_amount(), now, natural, context.subscription.currency);
    let quantity = context.item.quantity.unwrap_or(1);
    let description = format!("Remaining time on {quantity} × {}", context.product.name);
    Line { quantity: Some(quantity.into()), ..context.line(amount, description, (now, natural.1)) }
}

/// The subscription and its first lines as they would be. The discounts that they refer to stay in
/// the world: they can be expanded.
pub fn preview_first(
    world: &mut World,
    new: &NewSubscription,
    now: Timestamp,
) -> Result<(Subscription, Vec<Line>)> {
    let mut redeemer = Redeemer::new(&new.customer, choose_currency(world, new)?, now);
    let mut sub = build(world, new, &mut redeemer, now)?;
    let lines = first_lines(world, &mut sub, new, now);
    Ok((sub, lines))
}
