//! The plans, out of Stripe's products and prices. There is no other list of plans anywhere.
//!
//! A plan is a Product with `metadata.cantila_plan`; its active recurring Prices with the interval
//! and currency at hand make it up: one licensed price with the lookup key
//! `cantila_<tier>_<interval>`, and any number of metered ones.

use std::collections::HashMap;

use rust_decimal::Decimal;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use crate::respond::{Currency, Money};
use crate::stripe::views::{Amounts, Interval, PendingUpdate, Price, Product};
use crate::stripe::{LONGEST_PAGE, Stripe, StripeError};

/// The tier of an account without a live subscription.
pub const FREE_TIER: &str = "hobby";

/// The product's metadata key that makes it a plan; its value is the tier.
pub const PLAN_KEY: &str = "cantila_plan";

/// The metered price's metadata key for the meter's name.
pub const METER_KEY: &str = "cantila_meter";

/// The metered price's metadata key for what one unit is.
pub const UNIT_KEY: &str = "cantila_unit";

/// The lookup key of a plan's base price.
#[must_use]
pub fn lookup_key(tier: &str, interval: Interval) -> String {
    format!("cantila_{tier}_{}", interval.as_str())
}

/// The product's metadata key for whom to ask about a plan that has no price.
pub const CONTACT_KEY: &str = "cantila_contact";

/// Which product is which tier.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    /// Tier by product.
    products: HashMap<String, String>,
    /// Whom to ask, by tier.
    contacts: HashMap<String, String>,
}

impl Tiers {
    /// Reads every product, retired ones too: whoever subscribed to one is still on it.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(stripe: &Stripe) -> Result<Self, StripeError> {
        Ok(stripe.all::<Product>(&ListProduct::new().limit(LONGEST_PAGE)).await?.iter().collect())
    }

    /// The tier of the product with this id; `None` for an add-on.
    #[must_use]
    pub fn of(&self, product: &str) -> Option<&str> {
        self.products.get(product).map(String::as_str)
    }

    /// The tier that a change leads to which waits for its payment.
    #[must_use]
    pub fn of_pending(&self, update: &PendingUpdate) -> Option<&str> {
        let mut items = update.subscription_items.iter().flatten();
        items.find_map(|item| self.of(item.price.product_id()))
    }

    /// Whom to ask about a plan that is arranged personally.
    #[must_use]
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

/// Every active recurring price, with its product.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    prices: Vec<Price>,
}

/// A plan as it is sold in one interval and currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The id of the base price.
    pub price: String,
    pub tier: String,
    pub name: String,
    pub description: Option<String>,
    pub interval: Interval,
    /// The base fee for one interval.
    pub amount: Money,
    pub metered: Vec<Metered>,
}

/// What a plan charges by use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// The price's id.
    pub price: String,
    /// The meter's name, or its Stripe id where the price names none.
    pub meter: String,
    /// What one unit is, such as `GB-hour`.
    pub unit: Option<String>,
    /// Units that the base fee covers, each interval.
    pub included: Decimal,
    /// The price of a unit beyond those, in minor units, sub-cent or not.
    pub unit_amount: Decimal,
}

impl Catalog {
    /// Reads the catalogue. Tiers in a currency that is not the price's own have to be asked for.
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
            .limit(LONGEST_PAGE)
            .expand(expand);
        Ok(Self { prices: stripe.all(&list).await? })
    }

    /// Whether prices are sold in this currency by tiers that were not asked for.
    #[must_use]
    pub fn lacks_tiers(&self, currency: Currency) -> bool {
        self.prices.iter().filter(|price| price.is_metered()).any(|price| {
            amounts(price, currency).is_some_and(|amounts| {
                amounts.tiers.is_none() && amounts.unit_amount_decimal.is_none()
            })
        })
    }

    /// The tier that the price with this id is a part of.
    #[must_use]
    pub fn tier_of_price(&self, price: &str) -> Option<&str> {
        let price = self.prices.iter().find(|known| known.id == price)?;
        price.product.object()?.metadata.get(PLAN_KEY).map(String::as_str)
    }

    /// Every plan that is sold in `currency`: by monthly amount, month before year.
    #[must_use]
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

    /// The offer that `price` is the base fee of.
    fn offer(&self, price: &Price, currency: Currency) -> Option<Offer> {
        let product = price.product.object()?;
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

    /// What is charged by use along with this base price: the product's metered prices of the same
    /// interval, one a meter. While one is being replaced, both are active for a moment; the lookup
    /// key moves at once, so the one that has it counts, and nothing is billed twice.
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
    /// `None` where the price is not sold in this currency, or not in a way that one allowance and
    /// one unit price describe.
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
        Some(Self {
            price: price.id.clone(),
            meter,
            unit: price.metadata.get(UNIT_KEY).cloned(),
            included,
            unit_amount,
        })
    }
}

/// The name of the meter that a metered price bills.
#[must_use]
pub fn meter_of(price: &Price) -> Option<&String> {
    let recurring = price.recurring.as_ref().filter(|_| price.is_metered())?;
    price.metadata.get(METER_KEY).or(recurring.meter.as_ref())
}

fn is_free(amount: Option<Decimal>) -> bool {
    amount.is_none_or(|amount| amount.is_zero())
}

/// What the price costs in this currency, if it is sold in it.
fn amounts(price: &Price, currency: Currency) -> Option<&Amounts> {
    if price.currency == currency {
        return Some(&price.amounts);
    }
    price.currency_options.as_ref()?.get(currency.as_str())
}

/// What each tier costs a month, in minor units; a twelfth of the year where it is sold by the year only.
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
