//! Products and prices.

use std::collections::HashMap;
use std::num::NonZeroU64;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::common::{Expandable, has_id};
use crate::values::Currency;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageType {
    Licensed,
    Metered,
}

/// The unit of a price's billing interval. Plans are sold by month and by year.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// Returns Stripe's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Recurring {
    pub interval: Interval,
    pub interval_count: u32,
    pub usage_type: UsageType,
    pub meter: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    pub id: String,
    pub currency: Currency,
    pub product: Expandable<Product>,
    pub lookup_key: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub recurring: Option<Recurring>,
    pub transform_quantity: Option<Package>,
    #[serde(flatten)]
    pub amounts: Amounts,
    pub currency_options: Option<HashMap<String, Amounts>>,
}

impl Price {
    /// Returns the product's ID.
    pub fn product_id(&self) -> &str {
        match &self.product {
            Expandable::Id(id) => id,
            Expandable::Object(product) => &product.id,
        }
    }

    /// Returns whether the price bills usage.
    pub fn is_metered(&self) -> bool {
        self.recurring.as_ref().is_some_and(|recurring| recurring.usage_type == UsageType::Metered)
    }
}

/// The package in which units are sold: the amounts are those of a package.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    pub divide_by: NonZeroU64,
}

/// The amounts of a price in one currency.
#[derive(Clone, Debug, Deserialize)]
pub struct Amounts {
    /// Minor units; null for sub-cent and tiered prices.
    pub unit_amount: Option<i64>,
    /// Minor units with up to 12 decimals.
    pub unit_amount_decimal: Option<Decimal>,
    /// Set only if expanded.
    pub tiers: Option<Vec<Tier>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Tier {
    /// Null for the last tier.
    pub up_to: Option<Decimal>,
    /// Minor units with up to 12 decimals.
    pub unit_amount_decimal: Option<Decimal>,
    /// Minor units.
    pub flat_amount_decimal: Option<Decimal>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    pub id: String,
    /// False for an archived product, which Stripe does not sell.
    pub active: bool,
    #[serde(default)]
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

has_id!(Price, Product);
