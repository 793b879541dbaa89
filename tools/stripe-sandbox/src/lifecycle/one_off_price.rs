//! Price and product of an invoice item that has an amount instead of a price.

use std::collections::BTreeMap;

use crate::model::Metadata;
use crate::model::catalog::{Price, Product, TaxBehavior};
use crate::model::invoice::Line;
use crate::values::money::Currency;
use crate::values::period::Timestamp;
use crate::values::pricing::Amount;
use crate::world::World;

/// Tax settings of an invoice item. They do not change its amount, because automatic tax is 0.
#[derive(Default)]
pub struct TaxSettings {
    pub behavior: Option<TaxBehavior>,
    pub code: Option<String>,
}

/// Creates an inactive price and product for the line, as Stripe does, and returns their IDs.
pub fn make_price(
    world: &mut World,
    line: &Line,
    tax: TaxSettings,
    currency: Currency,
    now: Timestamp,
) -> (String, String) {
    let (price, product) = (world.ids.id("price"), world.ids.id("prod"));
    let name = line.description.clone().unwrap_or_else(|| "Invoice item".to_owned());
    let new = Product::new(product.clone(), name, now);
    world.products.put(Product { active: false, tax_code: tax.code, ..new });
    world.prices.put(Price {
        id: price.clone(),
        product: product.clone(),
        active: false,
        currency,
        amount: Amount::PerUnit(line.unit.unwrap_or_default()),
        tax_behavior: tax.behavior.unwrap_or(TaxBehavior::Unspecified),
        options: BTreeMap::new(),
        recurring: None,
        packages: None,
        nickname: None,
        lookup_key: None,
        metadata: Metadata::new(),
        created: now,
    });
    (price, product)
}
