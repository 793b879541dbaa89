//! New subscription items, and the customer's currency.

use crate::model::Metadata;
use crate::model::catalog::{Price, RequestedDiscount};
use crate::model::subscription::Item;
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::Timestamp;
use crate::world::World;

#[derive(Clone, Debug)]
pub struct NewItem {
    pub price: String,
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub discounts: Vec<RequestedDiscount>,
    pub metadata: Metadata,
}

/// Creates an item without a period.
pub fn make_item(
    world: &World,
    new: &NewItem,
    id: String,
    discounts: Vec<String>,
    currency: Currency,
    now: Timestamp,
) -> Result<Item> {
    let price = world.price(&new.price);
    check_currency(price, currency)?;
    let quantity = check_quantity(price, new.quantity)?;
    Ok(Item {
        id,
        price: price.id.clone(),
        quantity,
        period: (now, now),
        tax_rates: new.tax_rates.clone(),
        discounts,
        metadata: new.metadata.clone(),
        created: now,
        usage: Unbilled::since(now),
        debits: Vec::new(),
    })
}

/// Returns the item's quantity: None for metered prices, 1 by default for others.
pub fn check_quantity(price: &Price, wanted: Option<i64>) -> Result<Option<i64>> {
    match (price.is_metered(), wanted) {
        (true, Some(_)) => {
            Err(ApiError::invalid("You cannot set the quantity for metered plans.")
                .param("quantity"))
        }
        (true, None) => Ok(None),
        (false, quantity) => Ok(Some(quantity.unwrap_or(1))),
    }
}

pub fn check_currency(price: &Price, currency: Currency) -> Result<()> {
    if price.amount_in(currency).is_some() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "The price specified only supports `{}`. This doesn't match the expected currency: `{currency}`.",
        price.currency
    )))
}

/// Sets the customer's currency, if it has none yet.
pub fn set_currency(world: &mut World, customer: &str, currency: Currency) {
    let mut customer = world.customer(customer).clone();
    if customer.currency.is_none() {
        customer.currency = Some(currency);
        world.customers.put(customer);
    }
}
