//! Products and prices.

use std::collections::HashMap;
use std::num::NonZeroU64;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::common::{Expandable, Id, has_id};
use super::validated;
use crate::values::Currency;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageType {
    Licensed,
    Metered,
}

/// The unit of a price's billing interval. Plans are sold by month and by year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
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

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Recurring {
    pub interval: Interval,
    pub interval_count: u32,
    pub usage_type: UsageType,
    pub meter: Option<String>,
}

/// The tax code of a product.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaxCode {
    pub tax_code: Option<Expandable<Id>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Price {
    pub id: String,
    pub currency: Currency,
    pub product: Expandable<Product>,
    pub lookup_key: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub recurring: Option<Recurring>,
    /// Null for a price without tiers.
    #[serde(deserialize_with = "validated::present")]
    pub tiers_mode: Option<TiersMode>,
    /// Null if units are sold one by one.
    #[serde(deserialize_with = "validated::present")]
    pub transform_quantity: Option<Package>,
    #[serde(flatten)]
    pub amounts: Amounts,
    /// Set only if expanded.
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

/// The way in which tiers price a quantity: each tier its part, or one tier the whole quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TiersMode {
    Graduated,
    Volume,
}

/// The package in which units are sold: the amounts are those of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Package {
    pub divide_by: NonZeroU64,
    pub round: Rounding,
}

/// The way in which a quantity becomes whole packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    Up,
    Down,
}

/// The amounts of a price in one currency.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Amounts {
    /// Minor units with up to 12 decimals; null for tiered prices.
    #[serde(deserialize_with = "validated::present")]
    pub unit_amount_decimal: Option<Decimal>,
    /// Set only if expanded.
    pub tiers: Option<Vec<Tier>>,
}

/// A tier of a price. Amounts are minor units with up to 12 decimals.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tier {
    /// Largest quantity of the tier; null for the last tier.
    #[serde(deserialize_with = "validated::present")]
    pub up_to: Option<Decimal>,
    #[serde(deserialize_with = "validated::present")]
    pub unit_amount_decimal: Option<Decimal>,
    #[serde(deserialize_with = "validated::present")]
    pub flat_amount_decimal: Option<Decimal>,
}

impl Tier {
    /// Returns the price of a unit; zero if the tier has none.
    pub fn unit_amount(&self) -> Decimal {
        self.unit_amount_decimal.unwrap_or_default()
    }

    /// Returns the fee for reaching the tier; zero if the tier has none.
    pub fn flat_amount(&self) -> Decimal {
        self.flat_amount_decimal.unwrap_or_default()
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Product {
    pub id: String,
    /// False for an archived product, which Stripe does not sell.
    pub active: bool,
    #[serde(default)]
    pub name: String,
    pub description: Option<String>,
    /// Name of a unit, which Stripe prints on invoices.
    pub unit_label: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

has_id!(Price, Product);
