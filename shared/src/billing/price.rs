//! Amounts of a price in one currency: how often they are billed, and for which quantity. No I/O.
//!
//! Source of the arithmetic: <https://docs.stripe.com/products-prices/pricing-models>.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::stripe::views::{Amounts, Interval, Package, Price, Rounding, Tier, TiersMode};
use crate::values::{Currency, Money};

/// How often a price is billed: every `count` units of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Every {
    pub count: u32,
    pub unit: Interval,
}

/// The amounts of a price in one currency, and how often they are billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceShape {
    pub currency: Currency,
    pub every: Every,
    scheme: Scheme,
}

/// The way in which a quantity is priced. Amounts are exact minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scheme {
    /// Each unit, or each package of units, costs the same.
    Flat { unit_amount: Decimal, package: Option<Package> },
    /// The last tier has no upper bound.
    Tiered { mode: TiersMode, tiers: Vec<Tier> },
}

/// The base price that a subscription is billed: its own, archived or not, at its own quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPrice {
    pub tier: String,
    pub shape: PriceShape,
    pub quantity: u64,
}

impl Every {
    /// Returns how often the price is billed; `None` for a price that does not recur.
    pub fn of(price: &Price) -> Option<Self> {
        let recurring = price.recurring.as_ref()?;
        Some(Self { count: recurring.interval_count, unit: recurring.interval })
    }

    /// Returns the amount per month of an amount that is billed this often. A year has 12 months and
    /// 365.25 days.
    fn per_month(self, amount: Decimal) -> Decimal {
        let (times, divisor) = match self.unit {
            Interval::Day => (1461, 48),
            Interval::Week => (1461, 336),
            Interval::Month => (1, 1),
            Interval::Year => (1, 12),
        };
        let divisor = Decimal::from(divisor) * Decimal::from(self.count.max(1));
        times_at_most(amount, Decimal::from(times)) / divisor
    }
}

impl PriceShape {
    /// Returns the shape in `currency`; `None` if the price has no amounts in it, does not recur, or its
    /// tiers were not expanded.
    pub fn of(price: &Price, currency: Currency) -> Option<Self> {
        let amounts = amounts(price, currency)?;
        let scheme = match (price.tiers_mode, &amounts.tiers) {
            (Some(mode), Some(tiers)) if is_complete(tiers) => {
                Scheme::Tiered { mode, tiers: tiers.clone() }
            }
            (Some(_), _) => return None,
            (None, _) => Scheme::Flat {
                unit_amount: amounts.unit_amount_decimal?,
                package: price.transform_quantity,
            },
        };
        Some(Self { currency, every: Every::of(price)?, scheme })
    }

    /// Returns the shape of a price that charges nothing.
    pub(super) fn free(every: Every, currency: Currency) -> Self {
        let scheme = Scheme::Flat { unit_amount: Decimal::ZERO, package: None };
        Self { currency, every, scheme }
    }

    /// Returns the amount of one interval as Stripe bills it: each invoice line is rounded half up, and
    /// graduated tiers are lines of their own. `None` if it exceeds the range of an amount.
    pub fn amount(&self, quantity: u64) -> Option<Money> {
        self.amount_of(quantity.into())
    }

    /// Returns the amount of a quantity that need not be whole, as [`PriceShape::amount`] does.
    pub fn amount_of(&self, quantity: Decimal) -> Option<Money> {
        let lines = self.lines(quantity);
        let minor =
            lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(self.round(*line)?))?;
        Some(Money::new(minor, self.currency))
    }

    /// Returns the exact amount per month in minor units, by which plans are compared.
    pub fn monthly(&self, quantity: u64) -> Decimal {
        let lines = self.lines(quantity.into());
        self.every.per_month(lines.into_iter().fold(Decimal::ZERO, plus_at_most))
    }

    /// Returns the allowance and the price of each further unit, if one of each describes the price.
    pub fn allowance(&self) -> Option<(Decimal, Decimal)> {
        match &self.scheme {
            Scheme::Flat { unit_amount, .. } => {
                Some((Decimal::ZERO, unit_amount / Decimal::from(self.per())))
            }
            Scheme::Tiered { mode, tiers } => {
                let is_free = |tier: &&Tier| tier.unit_amount().is_zero() && tier.up_to.is_some();
                let free = tiers.iter().take_while(is_free).count();
                let included = free.checked_sub(1).and_then(|last| tiers[last].up_to);
                let unit = tiers.get(free)?.unit_amount();
                // Volume tiers price the whole quantity, the allowance included.
                let is_simple = (*mode == TiersMode::Graduated || tiers.len() == 1)
                    && tiers.iter().all(|tier| tier.flat_amount().is_zero())
                    && tiers[free..].iter().all(|tier| tier.unit_amount() == unit);
                is_simple.then(|| (included.unwrap_or_default(), unit))
            }
        }
    }

    /// Returns the number of units in a package; 1 if the units are sold one by one.
    pub fn per(&self) -> u64 {
        match &self.scheme {
            Scheme::Flat { package: Some(package), .. } => package.divide_by.get(),
            Scheme::Flat { package: None, .. } | Scheme::Tiered { .. } => 1,
        }
    }

    /// Returns the tiers with their mode, if the price has tiers.
    pub fn tiers(&self) -> Option<(TiersMode, &[Tier])> {
        match &self.scheme {
            Scheme::Flat { .. } => None,
            Scheme::Tiered { mode, tiers } => Some((*mode, tiers)),
        }
    }

    /// Returns the exact amount of each invoice line.
    fn lines(&self, quantity: Decimal) -> Vec<Decimal> {
        match &self.scheme {
            Scheme::Flat { unit_amount, package } => {
                let units = package.map_or(quantity, |package| packages(package, quantity));
                vec![times_at_most(*unit_amount, units)]
            }
            Scheme::Tiered { mode: TiersMode::Graduated, tiers } => graduated(tiers, quantity),
            Scheme::Tiered { mode: TiersMode::Volume, tiers } => {
                let holds = |tier: &&Tier| tier.up_to.is_none_or(|up_to| quantity <= up_to);
                tiers.iter().find(holds).map(|tier| of_tier(tier, quantity)).into_iter().collect()
            }
        }
    }

    fn round(&self, exact: Decimal) -> Option<i64> {
        let step = Decimal::from(self.currency.step());
        let steps =
            (exact / step).round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        steps.checked_mul(step)?.to_i64()
    }
}

impl OwnPrice {
    /// Returns the amount of one interval.
    pub fn amount(&self) -> Option<Money> {
        self.shape.amount(self.quantity)
    }

    /// Returns the exact amount per month in minor units.
    pub fn monthly(&self) -> Decimal {
        self.shape.monthly(self.quantity)
    }
}

/// Returns the price's amounts in this currency, if it has any.
pub(super) fn amounts(price: &Price, currency: Currency) -> Option<&Amounts> {
    if price.currency == currency {
        return Some(&price.amounts);
    }
    price.currency_options.as_ref()?.get(currency.as_str())
}

/// Returns whether the tiers price every quantity.
fn is_complete(tiers: &[Tier]) -> bool {
    tiers.last().is_some_and(|last| last.up_to.is_none())
}

fn packages(package: Package, quantity: Decimal) -> Decimal {
    let packages = quantity / Decimal::from(package.divide_by.get());
    match package.round {
        Rounding::Up => packages.ceil(),
        Rounding::Down => packages.floor(),
    }
}

/// Returns the amount of each tier that the quantity reaches. The first one counts even for no unit.
fn graduated(tiers: &[Tier], quantity: Decimal) -> Vec<Decimal> {
    let mut lines = Vec::new();
    let mut below = Decimal::ZERO;
    for tier in tiers {
        if quantity <= below && !lines.is_empty() {
            break;
        }
        let top = tier.up_to.map_or(quantity, |up_to| quantity.min(up_to));
        lines.push(of_tier(tier, top - below));
        below = top;
    }
    lines
}

fn of_tier(tier: &Tier, quantity: Decimal) -> Decimal {
    plus_at_most(times_at_most(tier.unit_amount(), quantity), tier.flat_amount())
}

/// Multiplies up to the largest decimal.
fn times_at_most(one: Decimal, other: Decimal) -> Decimal {
    one.checked_mul(other).unwrap_or(Decimal::MAX)
}

/// Adds up to the largest decimal.
fn plus_at_most(one: Decimal, other: Decimal) -> Decimal {
    one.checked_add(other).unwrap_or(Decimal::MAX)
}

#[cfg(test)]
mod tests;
