//! The catalog: plans read from Stripe's products and prices. No other list of plans exists here.
//!
//! A price belongs to a plan by `metadata.cantila_plan` of the price, else of its product. The active
//! recurring Prices of one plan, interval and currency make up an offer: one licensed price with the lookup
//! key `cantila_<tier>_<interval>`, and any number of metered ones. The licensed price is on the plan's
//! product. The metered ones are on their meter's product, which invoices name; in older catalogs they are
//! on the plan's product too. The lookup key decides what is offered, so the base price may be
//! billed every three months under the key of a month.

use std::collections::HashMap;

use rust_decimal::Decimal;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use super::price::{OwnPrice, PriceShape, amounts};
use crate::stripe::views::{Interval, PendingUpdate, Price, Product};
use crate::stripe::{MAX_PAGE, Stripe, StripeError};
use crate::values::{Currency, Money};

/// Tier of an account without a live subscription.
pub const FREE_TIER: &str = "hobby";

/// Metadata key of a price or product for the plan that it belongs to. The value is the tier. A price's own
/// value has precedence over its product's.
pub const PLAN_KEY: &str = "cantila_plan";

/// Metadata key of a metered price, and of a meter's product, for the name of the meter.
pub const METER_KEY: &str = "cantila_meter";

/// Metadata key of a metered price on a plan's product for the name of its unit. A meter's product has the
/// name as its `unit_label`.
pub const UNIT_KEY: &str = "cantila_unit";

/// Returns the lookup key of a plan's base price.
pub fn lookup_key(tier: &str, interval: Interval) -> String {
    format!("cantila_{tier}_{}", interval.as_str())
}

/// Metadata key of a product for the contact of a plan without a price.
pub const CONTACT_KEY: &str = "cantila_contact";

/// The tiers of prices.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    /// Tier by product, for prices without a tier of their own.
    products: HashMap<String, String>,
    /// Contact by tier.
    contacts: HashMap<String, String>,
}

impl Tiers {
    /// Reads all products, archived ones too, because old subscriptions stay on those.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(stripe: &Stripe) -> Result<Self, StripeError> {
        Ok(stripe.all::<Product>(&ListProduct::new().limit(MAX_PAGE)).await?.iter().collect())
    }

    /// Returns the tier of a price; `None` for an add-on.
    pub fn of<'a>(&'a self, price: &'a Price) -> Option<&'a str> {
        let own = price.metadata.get(PLAN_KEY).map(String::as_str);
        own.or_else(|| self.of_product(price.product_id()))
    }

    /// Returns the tier of a product; `None` for an add-on or a meter.
    pub fn of_product(&self, product: &str) -> Option<&str> {
        self.products.get(product).map(String::as_str)
    }

    /// Returns the tier that a pending update leads to: that of the base price, else of another price.
    pub fn of_pending<'a>(&'a self, update: &'a PendingUpdate) -> Option<&'a str> {
        let prices = || update.subscription_items.iter().flatten().map(|item| &item.price);
        let base = prices().filter(|price| !price.is_metered()).find_map(|price| self.of(price));
        base.or_else(|| prices().find_map(|price| self.of(price)))
    }

    /// Returns the contact of a sales-led plan.
    pub fn contact(&self, tier: &str) -> Option<&str> {
        self.contacts.get(tier).map(String::as_str)
    }
}

impl<'a> FromIterator<&'a Product> for Tiers {
    fn from_iter<I: IntoIterator<Item = &'a Product>>(products: I) -> Self {
        let mut tiers = Self::default();
        for product in products {
            let Some(tier) = product.metadata.get(PLAN_KEY) else { continue };
            tiers.products.insert(product.id.clone(), tier.clone());
            if let Some(contact) = product.metadata.get(CONTACT_KEY) {
                tiers.contacts.insert(tier.clone(), contact.clone());
            }
        }
        tiers
    }
}

/// All active recurring prices with their products.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    prices: Vec<Price>,
}

/// A plan as offered in one interval and currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// ID of the base price.
    pub price: String,
    pub tier: String,
    pub name: String,
    pub description: Option<String>,
    /// The unit of the base price's interval.
    pub interval: Interval,
    /// Base price of one interval at a quantity of one.
    pub amount: Money,
    /// The base price.
    pub shape: PriceShape,
    pub metered: Vec<Metered>,
}

/// A metered price of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// ID of the price.
    pub price: String,
    /// Name of the meter, or its ID at Stripe if the price has no name for it.
    pub meter: String,
    /// Name of the unit, such as `GB-hour`.
    pub unit: Option<String>,
    pub shape: PriceShape,
}

impl Catalog {
    /// Reads the catalog. Tiers in another currency than the prices' own need an expansion.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        other_currency: Option<Currency>,
    ) -> Result<Self, StripeError> {
        let mut expand: Vec<String> =
            ["data.product", "data.tiers", "data.currency_options"].map(String::from).into();
        expand.extend(
            other_currency
                .map(|currency| format!("data.currency_options.{}.tiers", currency.as_str())),
        );
        let list = ListPrice::new()
            .active(true)
            .type_(stripe_shared::PriceType::Recurring)
            .limit(MAX_PAGE)
            .expand(expand);
        Ok(Self { prices: stripe.all(&list).await? })
    }

    /// Returns whether prices lack amounts in this currency because they were not expanded.
    pub fn lacks_amounts(&self, currency: Currency) -> bool {
        self.prices.iter().any(|price| {
            amounts(price, currency).is_some() && PriceShape::of(price, currency).is_none()
        })
    }

    /// Returns an active price that has amounts in this currency.
    pub fn price(&self, id: &str, currency: Currency) -> Option<&Price> {
        let price = self.prices.iter().find(|known| known.id == id)?;
        PriceShape::of(price, currency).map(|_| price)
    }

    /// Returns all prices.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.prices.iter()
    }

    /// Returns the plans offered in `currency`, by monthly amount, month before year.
    ///
    /// Amounts count at the quantity of the account's own base price, and the plan that the account is on
    /// counts at that price.
    pub fn offers(&self, currency: Currency, own: Option<&OwnPrice>) -> Vec<Offer> {
        let mut offers: Vec<Offer> =
            self.prices.iter().filter_map(|price| self.offer(price, currency)).collect();
        let monthly = monthly_amounts(&offers, own);
        offers.sort_by_key(|offer| {
            (monthly.get(&offer.tier).copied(), offer.tier.clone(), offer.interval)
        });
        offers
    }

    /// Returns the offer with this base price.
    fn offer(&self, price: &Price, currency: Currency) -> Option<Offer> {
        let product = sold_product(price)?;
        let tier = tier_of(price)?;
        let interval = price.recurring.as_ref()?.interval;
        let is_sold = matches!(interval, Interval::Month | Interval::Year);
        let is_base = is_sold
            && !price.is_metered()
            && price.lookup_key.as_deref() == Some(&lookup_key(tier, interval));
        let shape = is_base.then(|| PriceShape::of(price, currency)).flatten()?;
        Some(Offer {
            price: price.id.clone(),
            tier: tier.to_owned(),
            name: product.name.clone(),
            description: product.description.clone(),
            interval,
            amount: shape.amount(1)?,
            shape,
            metered: self.metered(price, currency),
        })
    }

    /// Returns the metered prices that go with a base price: those of its plan and interval, one a
    /// meter. While `catalog apply` replaces a price, both are active for a moment. The lookup key moves
    /// atomically, so the price that has it counts.
    fn metered(&self, base: &Price, currency: Currency) -> Vec<Metered> {
        let interval = |price: &Price| {
            Some((price.recurring.as_ref()?.interval, price.recurring.as_ref()?.interval_count))
        };
        let belongs = |price: &&Price| {
            price.is_metered()
                && sold_product(price).is_some()
                && tier_of(price) == tier_of(base)
                && interval(price) == interval(base)
        };
        let mut prices: Vec<&Price> = self.prices.iter().filter(belongs).collect();
        prices.sort_by_key(|price| price.lookup_key.is_none());
        let mut metered: Vec<Metered> =
            prices.into_iter().filter_map(|price| Metered::new(price, currency)).collect();
        metered.sort_by(|a, b| a.meter.cmp(&b.meter));
        metered.dedup_by(|next, first| next.meter == first.meter);
        metered
    }
}

impl Offer {
    /// Returns whether the base price has the tier and interval of this one.
    pub fn is_on(&self, own: &OwnPrice) -> bool {
        (&self.tier, self.interval) == (&own.tier, own.shape.every.unit)
    }
}

impl Metered {
    /// Returns `None` if the price has no amounts in this currency.
    fn new(price: &Price, currency: Currency) -> Option<Self> {
        Some(Self {
            price: price.id.clone(),
            meter: meter_of(price)?.clone(),
            unit: unit_of(price),
            shape: PriceShape::of(price, currency)?,
        })
    }
}

/// Returns the tier of a price with its product: its own, else the product's.
fn tier_of(price: &Price) -> Option<&str> {
    let of_product = || price.product.object()?.metadata.get(PLAN_KEY);
    price.metadata.get(PLAN_KEY).or_else(of_product).map(String::as_str)
}

/// Returns the product of a price if it is active. Stripe refuses to sell a price of an archived product.
fn sold_product(price: &Price) -> Option<&Product> {
    price.product.object().filter(|product| product.active)
}

/// Returns the name of the unit of a metered price with its product.
pub fn unit_of(price: &Price) -> Option<String> {
    let label = || price.product.object()?.unit_label.clone();
    price.metadata.get(UNIT_KEY).cloned().or_else(label)
}

/// Returns the name of the meter that a metered price bills.
pub fn meter_of(price: &Price) -> Option<&String> {
    let recurring = price.recurring.as_ref().filter(|_| price.is_metered())?;
    price.metadata.get(METER_KEY).or(recurring.meter.as_ref())
}

/// Returns each tier's exact monthly amount in minor units: that of the plan by the month, else that of
/// the plan by the year.
fn monthly_amounts(offers: &[Offer], own: Option<&OwnPrice>) -> HashMap<String, Decimal> {
    let quantity = own.map_or(1, |own| own.quantity);
    let mut monthly = HashMap::new();
    for offer in offers {
        let amount = match own.filter(|own| offer.is_on(own)) {
            Some(own) => own.monthly(),
            None => offer.shape.monthly(quantity),
        };
        if offer.interval == Interval::Month {
            monthly.insert(offer.tier.clone(), amount);
        } else {
            monthly.entry(offer.tier.clone()).or_insert(amount);
        }
    }
    monthly
}

#[cfg(test)]
mod tests;
