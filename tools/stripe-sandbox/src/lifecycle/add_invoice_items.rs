//! `add_invoice_items`: one-off charges on a subscription's next invoice.

use rust_decimal::Decimal;

use super::discounts::Redeemer;
use super::items::check_currency;
use crate::model::Metadata;
use crate::model::catalog::{Discount, RequestedDiscount};
use crate::model::invoice::{InvoiceItem, Line, Origin};
use crate::model::subscription::Subscription;
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

/// Start of the item's period.
#[derive(Clone, Copy, Debug, Default)]
pub enum Start {
    /// The latest period start of the subscription's items.
    #[default]
    OfItems,
    Now,
    At(Timestamp),
}

/// End of the item's period.
#[derive(Clone, Copy, Debug, Default)]
pub enum End {
    /// The earliest period end of the subscription's items.
    #[default]
    OfItems,
    At(Timestamp),
}

/// Entry of `add_invoice_items`. Its price exists and is a one-time price.
#[derive(Clone, Debug)]
pub struct AddInvoiceItem {
    pub price: String,
    pub quantity: i64,
    pub discountable: bool,
    pub discounts: Vec<RequestedDiscount>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
    pub period: (Start, End),
}

/// Creates pending invoice items for the entries. The caller stores them.
pub fn make_invoice_items(
    world: &mut World,
    sub: &Subscription,
    wanted: &[AddInvoiceItem],
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Vec<InvoiceItem>> {
    wanted.iter().map(|one| make_invoice_item(world, sub, one, redeemer, now)).collect()
}

fn make_invoice_item(
    world: &mut World,
    sub: &Subscription,
    wanted: &AddInvoiceItem,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<InvoiceItem> {
    let period = period(sub, wanted, now)?;
    let id = world.ids.id("ii");
    let own = |new| Discount { invoice_item: Some(id.clone()), ..new };
    let item_discounts = redeemer.redeem(world, &wanted.discounts, &sub.discounts, own)?;
    let price = world.price(&wanted.price);
    check_currency(price, sub.currency)?;
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

fn period(
    sub: &Subscription,
    wanted: &AddInvoiceItem,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp)> {
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
