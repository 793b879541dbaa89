//! `add_invoice_items`: what is charged once, with the subscription's next invoice.

use rust_decimal::Decimal;

use super::discounts::Redeemer;
use super::items::supports;
use crate::model::Metadata;
use crate::model::catalog::{Discount, Redeem};
use crate::model::invoice::{InvoiceItem, Line, Origin};
use crate::model::subscription::Subscription;
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

/// Where the period of such an item begins.
#[derive(Clone, Copy, Debug, Default)]
pub enum Start {
    /// With the latest of the items' periods.
    #[default]
    OfItems,
    Now,
    At(Timestamp),
}

/// And where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub enum End {
    /// With the earliest of the items' periods.
    #[default]
    OfItems,
    At(Timestamp),
}

/// One entry, the price of which is known to exist and to be charged once.
#[derive(Clone, Debug)]
pub struct OneOff {
    pub price: String,
    pub quantity: i64,
    pub discountable: bool,
    pub discounts: Vec<Redeem>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
    pub period: (Start, End),
}

/// The entries as invoice items that wait for an invoice.
pub fn one_offs(
    world: &mut World,
    sub: &Subscription,
    wanted: &[OneOff],
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Vec<InvoiceItem>> {
    wanted.iter().map(|one| one_off(world, sub, one, redeemer, now)).collect()
}

fn one_off(
    world: &mut World,
    sub: &Subscription,
    wanted: &OneOff,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<InvoiceItem> {
    let period = period(sub, wanted, now)?;
    let id = world.ids.id("ii");
    let own = |new| Discount { invoice_item: Some(id.clone()), ..new };
    let item_discounts = redeemer.redeem(world, &wanted.discounts, &sub.discounts, own)?;
    let price = world.price(&wanted.price);
    supports(price, sub.currency)?;
    let amount = price.amount_in(sub.currency).expect("it supports the currency");
    let quantity = Decimal::from(wanted.quantity);
    let charges = amount.charge(price.packaged(quantity), sub.currency);
    let line = Line {
        id: String::new(),
        amount: charges.iter().map(|charge| charge.amount).sum(),
        description: Some(world.product(&price.product).name.clone()),
        quantity: Some(quantity),
        unit: Some(charges[0].unit),
        price: Some((price.id.clone(), price.product.clone())),
        period,
        origin: Origin::InvoiceItem {
            invoice_item: id.clone(),
            subscription: Some(sub.id.clone()),
        },
        proration: false,
        credit: false,
        credited: None,
        metered: None,
        discountable: wanted.discountable,
        item_discounts,
        tax_rates: wanted.tax_rates.clone(),
        metadata: wanted.metadata.clone(),
        discount_amounts: Vec::new(),
        taxes: Vec::new(),
    };
    Ok(InvoiceItem::waiting(sub, id, line, now))
}

fn period(sub: &Subscription, wanted: &OneOff, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
    let start = match wanted.period.0 {
        Start::OfItems => sub.items.iter().map(|item| item.period.0).max(),
        Start::Now => Some(now),
        Start::At(at) => Some(at),
    };
    let end = match wanted.period.1 {
        End::OfItems => sub.next_period_end(),
        End::At(at) => Some(at),
    };
    let (start, end) = (start.unwrap_or(now), end.unwrap_or(now));
    if end < start {
        return Err(ApiError::invalid("`period[end]` must not be before `period[start]`.")
            .param("add_invoice_items[period]"));
    }
    Ok((start, end))
}
