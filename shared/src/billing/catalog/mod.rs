//! The catalog: plans read from Stripe's products and prices. No other list of plans exists here.
//!
//! A plan is a Product with `metadata.cantila_plan`. Its active recurring Prices of one interval and
//! currency belong to it: one licensed price with the lookup key `cantila_<tier>_<interval>`, and any
//! number of metered ones.

use std::collections::HashMap;

use rust_decimal::Decimal;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use crate::stripe::views::{Amounts, Interval, PendingUpdate, Price, Product};
use crate::stripe::{MAX_PAGE, Stripe, StripeError};
use crate::values::{Currency, Money};

/// Tier of an account without a live subscription.
pub const FREE_TIER: &str = "hobby";

/// Metadata key of a product that makes it a plan. The value is the tier.
pub const PLAN_KEY: &str = "cantila_plan";

/// Metadata key of a metered price for the name of its meter.
pub const METER_KEY: &str = "cantila_meter";

/// Metadata key of a metered price for the name of its unit.
pub const UNIT_KEY: &str = "cantila_unit";

/// Returns the lookup key of a plan's base price.
pub fn lookup_key(tier: &str, interval: Interval) -> String {
    format!("cantila_{tier}_{}", interval.as_str())
}

/// Metadata key of a product for the contact of a plan without a price.
pub const CONTACT_KEY: &str = "cantila_contact";

/// The tier of each product.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    /// Tier by product.
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

    /// Returns the tier of a product; `None` for an add-on.
    pub fn of(&self, product: &str) -> Option<&str> {
        self.products.get(product).map(String::as_str)
    }

    /// Returns the tier that a pending update leads to.
    pub fn of_pending(&self, update: &PendingUpdate) -> Option<&str> {
        let mut items = update.subscription_items.iter().flatten();
        items.find_map(|item| self.of(item.price.product_id()))
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
    pub interval: Interval,
    /// Base price of one interval.
    pub amount: Money,
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
    /// Units per interval that the base price covers.
    pub included: Decimal,
    /// Price of each further unit in minor units, exact.
    pub unit_amount: Decimal,
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

    /// Returns whether prices have tiers in this currency that were not expanded.
    pub fn lacks_tiers(&self, currency: Currency) -> bool {
        self.prices.iter().filter(|price| price.is_metered()).any(|price| {
            amounts(price, currency).is_some_and(|amounts| {
                amounts.tiers.is_none() && amounts.unit_amount_decimal.is_none()
            })
        })
    }

    /// Returns the tier that a price belongs to.
    pub fn tier_of_price(&self, price: &str) -> Option<&str> {
        let price = self.prices.iter().find(|known| known.id == price)?;
        price.product.object()?.metadata.get(PLAN_KEY).map(String::as_str)
    }

    /// Returns the plans offered in `currency`, by monthly amount, month before year.
    pub fn offers(&self, currency: Currency) -> Vec<Offer> {
        let mut offers: Vec<Offer> =
            self.prices.iter().filter_map(|price| self.offer(price, currency)).collect();
        let monthly = monthly_amounts(&offers);
        offers.sort_by_key(|offer| {
            (
                monthly.get(&offer.tier).copied().unwrap_or_default(),
                offer.tier.clone(),
                offer.interval,
            )
        });
        offers
    }

    /// Returns the offer with this base price.
    fn offer(&self, price: &Price, currency: Currency) -> Option<Offer> {
        // Stripe refuses to sell a price of an archived product.
        let product = price.product.object().filter(|product| product.active)?;
        let tier = product.metadata.get(PLAN_KEY)?;
        let recurring =
            price.recurring.as_ref().filter(|recurring| recurring.interval_count == 1)?;
        let is_base = !price.is_metered()
            && price.lookup_key.as_deref() == Some(&lookup_key(tier, recurring.interval));
        let amount = is_base.then(|| amounts(price, currency)?.unit_amount).flatten()?;
        Some(Offer {
            price: price.id.clone(),
            tier: tier.clone(),
            name: product.name.clone(),
            description: product.description.clone(),
            interval: recurring.interval,
            amount: Money::new(amount, currency),
            metered: self.metered(price, currency),
        })
    }

    /// Returns the metered prices that go with a base price: those of its product and interval, one a
    /// meter. While `catalog apply` replaces a price, both are active for a moment. The lookup key moves
    /// atomically, so the price that has it counts.
    fn metered(&self, base: &Price, currency: Currency) -> Vec<Metered> {
        let interval = |price: &Price| {
            Some((price.recurring.as_ref()?.interval, price.recurring.as_ref()?.interval_count))
        };
        let belongs = |price: &&Price| {
            price.is_metered()
                && price.product_id() == base.product_id()
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

impl Metered {
    /// Returns `None` if the price has no amounts in this currency, or none that an allowance and a unit
    /// price describe.
    fn new(price: &Price, currency: Currency) -> Option<Self> {
        let amounts = amounts(price, currency)?;
        let (included, unit_amount) = match amounts.tiers.as_deref() {
            None | Some([]) => (Decimal::ZERO, amounts.unit_amount_decimal?),
            Some([only]) => (Decimal::ZERO, only.unit_amount_decimal?),
            Some([free, rest @ ..]) if is_free(free.unit_amount_decimal) => {
                (free.up_to?, rest.first()?.unit_amount_decimal?)
            }
            Some([first, ..]) => (Decimal::ZERO, first.unit_amount_decimal?),
        };
        let meter = meter_of(price)?.clone();
        // A package's price buys that many units.
        let package =
            price.transform_quantity.as_ref().map_or(1, |package| package.divide_by.get());
        Some(Self {
            price: price.id.clone(),
            meter,
            unit: price.metadata.get(UNIT_KEY).cloned(),
            included,
            unit_amount: unit_amount / Decimal::from(package),
        })
    }
}

/// Returns the name of the meter that a metered price bills.
pub fn meter_of(price: &Price) -> Option<&String> {
    let recurring = price.recurring.as_ref().filter(|_| price.is_metered())?;
    price.metadata.get(METER_KEY).or(recurring.meter.as_ref())
}

fn is_free(amount: Option<Decimal>) -> bool {
    amount.is_none_or(|amount| amount.is_zero())
}

/// Returns the price's amounts in this currency, if it has any.
fn amounts(price: &Price, currency: Currency) -> Option<&Amounts> {
    if price.currency == currency {
        return Some(&price.amounts);
    }
    price.currency_options.as_ref()?.get(currency.as_str())
}

/// Returns the amount per year of an amount that is billed every `count` intervals. A year has 365.25 days.
pub fn per_year(minor: Decimal, interval: Interval, count: u32) -> Decimal {
    let (times, divisor) = match interval {
        Interval::Day => (1461, 4),
        Interval::Week => (1461, 28),
        Interval::Month => (12, 1),
        Interval::Year => (1, 1),
    };
    minor * Decimal::from(times) / Decimal::from(divisor * count.max(1))
}

/// Returns each tier's monthly amount in minor units; a twelfth of the yearly one if there is no other.
fn monthly_amounts(offers: &[Offer]) -> HashMap<String, i64> {
    let mut monthly = HashMap::new();
    for offer in offers {
        match offer.interval {
            Interval::Month => {
                monthly.insert(offer.tier.clone(), offer.amount.minor);
            }
            Interval::Year => {
                monthly.entry(offer.tier.clone()).or_insert(offer.amount.minor / 12);
            }
            Interval::Day | Interval::Week => {}
        }
    }
    monthly
}

#[cfg(test)]
mod tests;
