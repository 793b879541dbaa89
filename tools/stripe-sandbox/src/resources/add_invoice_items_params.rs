//! `add_invoice_items` parameter of subscriptions.

use super::{subscription_params as shared, tax_rates};
use crate::endpoint::params::Params;
use crate::lifecycle::add_invoice_items::{AddInvoiceItem, End, Start};
use crate::model::Metadata;
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find_param};

const MAX_ENTRIES: usize = 20;

pub fn read(p: &mut Params) -> Result<Vec<AddInvoiceItem>> {
    let entries = p.list("add_invoice_items", |entry| {
        entry.not_imitated(&["price_data"])?;
        let mut metadata = Metadata::new();
        if let Some(change) = entry.metadata()? {
            change.apply(&mut metadata);
        }
        Ok(AddInvoiceItem {
            price: entry.required("price")?,
            quantity: entry.integer_in("quantity", 0..=shared::MAX_QUANTITY)?.unwrap_or(1),
            discountable: entry.boolean("discountable")?.unwrap_or(true),
            discounts: shared::discounts(entry)?.unwrap_or_default(),
            tax_rates: entry.strings("tax_rates")?.unwrap_or_default(),
            metadata,
            period: entry.hash("period", read_period)?.unwrap_or_default(),
        })
    })?;
    let entries = entries.unwrap_or_default();
    if entries.len() > MAX_ENTRIES {
        return Err(ApiError::invalid(format!("You can add at most {MAX_ENTRIES} invoice items."))
            .param("add_invoice_items"));
    }
    Ok(entries)
}

#[derive(Clone, Copy)]
enum Bound {
    OfItems,
    Now,
    Timestamp,
}

fn read_period(p: &mut Params) -> Result<(Start, End)> {
    let starts = [
        ("max_item_period_start", Bound::OfItems),
        ("now", Bound::Now),
        ("timestamp", Bound::Timestamp),
    ];
    let ends = [("min_item_period_end", Bound::OfItems), ("timestamp", Bound::Timestamp)];
    let start = p.hash("start", |inner| bound(inner, &starts))?;
    let end = p.hash("end", |inner| bound(inner, &ends))?;
    let missing = |name: &str| ApiError::missing_param(&p.name(name));
    let start = match start.ok_or_else(|| missing("start"))? {
        (Bound::Timestamp, Some(at)) => Start::At(at),
        (Bound::Now, _) => Start::Now,
        _ => Start::OfItems,
    };
    let end = match end.ok_or_else(|| missing("end"))? {
        (Bound::Timestamp, Some(at)) => End::At(at),
        _ => End::OfItems,
    };
    Ok((start, end))
}

fn bound(p: &mut Params, choices: &[(&'static str, Bound)]) -> Result<(Bound, Option<i64>)> {
    let (kind, at) = (p.name("type"), p.name("timestamp"));
    let bound = p.choice("type", choices)?.ok_or_else(|| ApiError::missing_param(&kind))?;
    let time = p.time("timestamp")?;
    if matches!(bound, Bound::Timestamp) != time.is_some() {
        return Err(ApiError::missing_param(&at));
    }
    Ok((bound, time))
}

/// Checks the prices and tax rates of the entries. Only active one-time prices are accepted.
pub fn check(world: &World, entries: &[AddInvoiceItem]) -> Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        let name = format!("add_invoice_items[{index}][price]");
        let price = find_param(&world.prices, &entry.price, &name)?;
        if price.recurring.is_some() {
            return Err(ApiError::invalid(
                "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.",
            )
            .param(&name));
        }
        shared::check_sold(world, price, &name)?;
        let name = format!("add_invoice_items[{index}][tax_rates]");
        tax_rates::check(world, &entry.tax_rates, &name)?;
    }
    Ok(())
}
