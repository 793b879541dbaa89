//! The amount of each day, reconciled with the lines of the next invoice. No I/O.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::billing::price::PriceShape;
use shared::stripe::views::Line;

use crate::days::{Day, Days};

/// The charges of the next invoice for a meter.
#[derive(Clone, Debug, Default)]
pub struct Charged<'a> {
    pub lines: Vec<&'a Line>,
}

impl Charged<'_> {
    /// Returns the sum of the lines in minor units; `None` if it overflows.
    pub fn amount(&self) -> Option<i64> {
        self.lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.amount))
    }

    /// Returns whether all lines bill this price, as usage of the current period.
    fn is_of(&self, price: &str) -> bool {
        let is_own = |line: &&Line| {
            line.price() == Some(price)
                && line.invoice_item().is_none()
                && line.subscription_item().is_some_and(|item| !item.proration)
        };
        self.lines.iter().all(is_own)
    }
}

/// Returns the amount of each day in minor units: the price of the usage up to its end less that up to its start. The
/// first day contains what the price charges without usage. `quantities` are those of the period's days until `last`, and
/// `price` is the ID and the shape of the price.
///
/// `None` if the amounts do not add up to what the next invoice charges, so that nobody knows which day costs what: a
/// price that changed within the period, usage in the seconds before the first whole minute, usage that was
/// reported between two reads.
pub fn by_day(
    quantities: &BTreeMap<Day, Decimal>,
    period: Days,
    last: Day,
    (price, shape): (&str, &PriceShape),
    charged: &Charged<'_>,
) -> Option<BTreeMap<Day, i64>> {
    let (mut quantity, mut before) = (Decimal::ZERO, 0_i64);
    let mut amounts = BTreeMap::new();
    for day in period.until(last) {
        quantity = quantity.checked_add(quantities.get(&day).copied().unwrap_or_default())?;
        let after = shape.amount_of(quantity)?.minor;
        amounts.insert(day, after.checked_sub(before)?);
        before = after;
    }
    let reconciles = charged.is_of(price) && charged.amount() == Some(before);
    reconciles.then_some(amounts)
}
