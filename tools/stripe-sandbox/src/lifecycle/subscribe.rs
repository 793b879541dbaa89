//! A new subscription: its items, its first invoice and the first payment.

use super::discounts::Redeemer;
use super::draft::NewInvoice;
use super::first::first_lines;
use super::items::{NewItem, make_item, set_currency};
use super::one_off::{OneOff, one_offs};
use super::payments::{self, Attempt};
use super::refusals::{chargeable, declined, no_payment_method, other_currency, requires_action};
use super::swap::{check_one_interval, redeem_for};
use super::{invoicing, latest_invoice};
use crate::model::Metadata;
use crate::model::catalog::{Discount, Redeem};
use crate::model::invoice::{BillingReason, Invoice, InvoiceItem, Line};
use crate::model::subscription::{
    BillingMode, Cancellation, Collection, Item, PAYMENT_WINDOW, PaymentBehavior, Status,
    Subscription, TrialSettings,
};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

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
    /// Charged once, with the first invoice.
    pub extras: Vec<OneOff>,
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

/// Creates it and, as far as that is how it is collected, pays for it. Returns its id.
pub fn subscribe(world: &mut World, new: &NewSubscription) -> Result<String> {
    let now = world.now_of(&new.customer);
    let currency = choose_currency(world, new)?;
    let mut redeemer = Redeemer::new(&new.customer, currency, now);
    match prepare(world, new, &mut redeemer, now) {
        Ok(first) => {
            redeemer.count(world);
            Ok(keep(world, first, new.behavior, now))
        }
        Err(refusal) => {
            redeemer.take_back(world);
            Err(refusal)
        }
    }
}

/// A subscription, what is charged with it once, and its first invoice, none of them kept.
struct First {
    sub: Subscription,
    extras: Vec<InvoiceItem>,
    invoice: Option<Invoice>,
}

fn prepare(
    world: &mut World,
    new: &NewSubscription,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<First> {
    let mut sub = build(world, new, redeemer, now)?;
    let mut lines = first_lines(world, &mut sub, new.trial_end, new.prorate_first, now);
    let extras = one_offs(world, &sub, &new.extras, redeemer, now)?;
    lines.extend(extras.iter().map(|item| item.line.clone()));
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
        chargeable(invoice)?;
        payable(world, &sub, invoice, new.behavior)?;
    }
    Ok(First { sub, extras, invoice })
}

fn keep(world: &mut World, first: First, behavior: PaymentBehavior, now: Timestamp) -> String {
    let First { sub, extras, invoice } = first;
    set_currency(world, &sub.customer, sub.currency);
    let id = sub.id.clone();
    match invoice {
        None => world.put_subscription(sub),
        Some(invoice) => {
            world.claim_items(extras, &invoice.id);
            start(world, sub, invoice, behavior, now);
        }
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
        latest_invoice::keep_as_latest(world, &mut sub, invoice);
        return;
    }
    let trialing = sub.status == Status::Trialing;
    if invoice.amount_due > 0 && !trialing {
        sub.status = Status::Incomplete;
        sub.expires_at = Some(now + PAYMENT_WINDOW);
    }
    let id = latest_invoice::keep_as_latest(world, &mut sub, invoice);
    invoicing::finalize(world, &id, now);
    if behavior == PaymentBehavior::Default || world.invoice(&id).amount_remaining() == 0 {
        return;
    }
    invoicing::automatic(world, &id, now);
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
            payments::method_of(world, &sub).map(|method| method.id.clone());
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
    let Some(method) = payments::method_of(world, sub) else { return Err(no_payment_method()) };
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
    check_prices(world, new)?;
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

fn check_prices(world: &World, new: &NewSubscription) -> Result<()> {
    for (index, item) in new.items.iter().enumerate() {
        if new.items[..index].iter().any(|before| before.price == item.price) {
            return Err(ApiError::invalid(format!(
                "Cannot add multiple subscription items with the same plan: {}",
                item.price
            )));
        }
    }
    let prices: Vec<&str> = new.items.iter().map(|item| item.price.as_str()).collect();
    check_one_interval(world, new.mode.0, &prices)
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
    let lines = first_lines(world, &mut sub, new.trial_end, new.prorate_first, now);
    Ok((sub, lines))
}
