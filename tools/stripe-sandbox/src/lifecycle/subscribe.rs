//! Creation of a subscription: items, first invoice and first payment.

use super::add_invoice_items::{AddInvoiceItem, make_invoice_items};
use super::automatic_tax::check_location;
use super::discounts::Redeemer;
use super::draft::NewInvoice;
use super::errors::{
    check_amount, declined, no_payment_method, other_currency, subscription_requires_action,
};
use super::first::first_lines;
use super::item_diff::{check_one_interval, redeem_for_item};
use super::items::{NewItem, make_item, set_currency};
use super::payments::{self, Attempt};
use super::{invoicing, latest_invoice};
use crate::model::Metadata;
use crate::model::catalog::{Discount, RequestedDiscount};
use crate::model::invoice::{BillingReason, Invoice, InvoiceItem, Line};
use crate::model::subscription::{
    AutomaticTax, BillingMode, Cancellation, Collection, Item, PAYMENT_WINDOW, PaymentBehavior,
    Status, Subscription, TrialSettings,
};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

/// Parameters of a new subscription. IDs in it exist.
pub struct NewSubscription {
    pub customer: String,
    pub items: Vec<NewItem>,
    pub currency: Option<Currency>,
    pub automatic_tax: AutomaticTax,
    pub collection: Collection,
    pub days_until_due: Option<i64>,
    pub default_payment_method: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub discounts: Vec<RequestedDiscount>,
    /// Charged once, on the first invoice.
    pub add_invoice_items: Vec<AddInvoiceItem>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub trial_end: Option<Timestamp>,
    pub trial_settings: TrialSettings,
    /// Start of the first full period. The time until then is prorated.
    pub anchor: Option<Timestamp>,
    pub prorate_first: bool,
    /// Billing mode, and whether prorations list their discounts.
    pub mode: (BillingMode, bool),
    pub behavior: PaymentBehavior,
    pub save_default_payment_method: bool,
    /// The first invoice stays a draft for an hour, as a schedule's does.
    pub keeps_draft: bool,
}

/// Creates the subscription and collects its first invoice. Returns its ID.
pub fn subscribe(world: &mut World, new: &NewSubscription) -> Result<String> {
    let now = world.now_of(&new.customer);
    let currency = choose_currency(world, new)?;
    let mut redeemer = Redeemer::new(&new.customer, currency, now);
    match prepare(world, new, &mut redeemer, now) {
        Ok(first) => {
            redeemer.commit(world);
            Ok(store(world, first, new, now))
        }
        Err(error) => {
            redeemer.roll_back(world);
            Err(error)
        }
    }
}

/// A subscription with its one-off items and its first invoice, not stored yet.
struct PreparedSubscription {
    sub: Subscription,
    added: Vec<InvoiceItem>,
    invoice: Option<Invoice>,
}

fn prepare(
    world: &mut World,
    new: &NewSubscription,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<PreparedSubscription> {
    let mut sub = build_subscription(world, new, redeemer, now)?;
    let mut lines = first_lines(world, &mut sub, new.trial_end, new.prorate_first, now);
    let added = make_invoice_items(world, &sub, &new.add_invoice_items, redeemer, now)?;
    lines.extend(added.iter().map(|item| item.line.clone()));
    let invoice = (!lines.is_empty()).then(|| {
        let new = NewInvoice {
            reason: BillingReason::SubscriptionCreate,
            lines,
            period: (now, now),
            created: now,
        };
        world.draft_invoice(&sub, new)
    });
    if let Some(invoice) = &invoice {
        check_amount(invoice)?;
        check_payable(world, &sub, invoice, new)?;
    }
    Ok(PreparedSubscription { sub, added, invoice })
}

fn store(
    world: &mut World,
    first: PreparedSubscription,
    new: &NewSubscription,
    now: Timestamp,
) -> String {
    let PreparedSubscription { mut sub, added, invoice } = first;
    if needs_setup(world, &sub, invoice.as_ref()) {
        sub.pending_setup_intent = Some(world.ids.id("seti"));
    }
    set_currency(world, &sub.customer, sub.currency);
    let id = sub.id.clone();
    match invoice {
        None => world.put_subscription(sub),
        Some(invoice) => {
            world.attach_items(added, &invoice.id);
            store_and_collect(world, sub, invoice, new, now);
        }
    }
    id
}

/// Returns whether nothing is due now and the customer has no payment method for what comes later.
fn needs_setup(world: &World, sub: &Subscription, invoice: Option<&Invoice>) -> bool {
    sub.collection == Collection::Charge
        && invoice.is_none_or(|invoice| invoice.amount_due == 0)
        && payments::subscription_payment_method(world, sub).is_none()
}

fn store_and_collect(
    world: &mut World,
    mut sub: Subscription,
    mut invoice: Invoice,
    new: &NewSubscription,
    now: Timestamp,
) {
    let sent = sub.collection == Collection::Send;
    if (sent || new.keeps_draft) && invoice.amount_due > 0 {
        invoice.finalizes_at = Some(now + HOUR);
        invoice.next_payment_attempt = invoice.finalizes_at.filter(|_| !sent);
        latest_invoice::store_as_latest(world, &mut sub, invoice);
        return;
    }
    let trialing = sub.status == Status::Trialing;
    if invoice.amount_due > 0 && !trialing {
        sub.status = Status::Incomplete;
        sub.expires_at = Some(now + PAYMENT_WINDOW);
    }
    let id = latest_invoice::store_as_latest(world, &mut sub, invoice);
    invoicing::finalize(world, &id, now);
    if new.behavior == PaymentBehavior::Default || world.invoice(&id).amount_remaining() == 0 {
        return;
    }
    invoicing::collect_automatically(world, &id, now);
    save_payment_method(world, &sub.id);
}

/// `save_default_payment_method=on_subscription`: makes the payment method that paid the
/// subscription's default.
fn save_payment_method(world: &mut World, sub: &str) {
    let mut sub = world.subscription(sub);
    if sub.save_default_payment_method
        && sub.status == Status::Active
        && sub.default_payment_method.is_none()
    {
        sub.default_payment_method =
            payments::subscription_payment_method(world, &sub).map(|method| method.id.clone());
        world.put_subscription(sub);
    }
}

/// Returns the error of a payment that would fail, before anything is stored.
fn check_payable(
    world: &World,
    sub: &Subscription,
    invoice: &Invoice,
    new: &NewSubscription,
) -> Result<()> {
    let behavior = new.behavior;
    if sub.collection == Collection::Send
        || new.keeps_draft
        || invoice.amount_due == 0
        || behavior == PaymentBehavior::Default
    {
        return Ok(());
    }
    let Some(method) = payments::subscription_payment_method(world, sub) else {
        return Err(no_payment_method());
    };
    if behavior != PaymentBehavior::Error {
        return Ok(());
    }
    match Attempt::from(method.charge()) {
        Attempt::Declined(failure) => Err(declined(failure)),
        Attempt::RequiresAction => Err(subscription_requires_action()),
        Attempt::Paid | Attempt::Processing(_) | Attempt::NoPaymentMethod => Ok(()),
    }
}

fn build_subscription(
    world: &mut World,
    new: &NewSubscription,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Subscription> {
    let currency = choose_currency(world, new)?;
    check_location(world, &new.customer, new.automatic_tax)?;
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
        automatic_tax: new.automatic_tax,
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
        pending_setup_intent: None,
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
        let discounts = redeem_for_item(world, &id, &wanted.discounts, &[], redeemer)?;
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
            // `plan` is the parameter's name in older versions.
            return Err(ApiError::invalid(format!(
                "Cannot create a Subscription with multiple Subscription Items with the same Price: {}",
                item.price
            ))
            .param("plan"));
        }
    }
    let prices: Vec<&str> = new.items.iter().map(|item| item.price.as_str()).collect();
    check_one_interval(world, new.mode.0, &prices)
}

/// Returns the subscription and its first lines without storing them. Its discounts stay stored, so
/// that a preview can expand them.
pub fn preview_first(
    world: &mut World,
    new: &NewSubscription,
    now: Timestamp,
) -> Result<(Subscription, Vec<Line>)> {
    let mut redeemer = Redeemer::new(&new.customer, choose_currency(world, new)?, now);
    let mut sub = build_subscription(world, new, &mut redeemer, now)?;
    let lines = first_lines(world, &mut sub, new.trial_end, new.prorate_first, now);
    Ok((sub, lines))
}
