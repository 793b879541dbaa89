//! Builds the response from quantities, prices and the next invoice. No I/O.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use shared::billing::price::PriceShape;
use shared::stripe::views::Formula;
use shared::values::exact;
use shared::{Currency, Money};

use crate::amounts::{self, Charged};
use crate::days::{Day, Days};
use crate::meters::Listed;

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    from: Day,
    to: Day,
    currency: Currency,
    meters: Vec<MeterEntry>,
    total: Option<Money>,
    warnings: Vec<&'static str>,
}

/// Quantities are exact decimals.
#[derive(Debug, Serialize)]
struct MeterEntry {
    meter: String,
    name: Option<String>,
    unit: Option<String>,
    included: Option<String>,
    used: String,
    remaining: Option<String>,
    amount: Option<Money>,
    days: Vec<DayEntry>,
}

#[derive(Debug, Serialize)]
struct DayEntry {
    date: Day,
    quantity: String,
    amount: Option<Money>,
}

/// The known facts of a meter.
pub struct Metered<'a> {
    pub listed: Listed,
    pub formula: Formula,
    /// The quantities by day: those of the shown days or, with `in_period`, of all days of the period.
    pub quantities: BTreeMap<Day, Decimal>,
    /// Set if the shown days lie in the current period.
    pub in_period: Option<InPeriod<'a>>,
}

/// The known facts of a meter in the current period.
pub struct InPeriod<'a> {
    pub period: Days,
    /// ID and shape of the price; none if the meter has several, or none any more.
    pub price: Option<(&'a str, PriceShape)>,
    /// The charges of the next invoice; none if nothing will be billed, or nobody knows.
    pub charged: Option<Charged<'a>>,
}

/// The days that a response shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub days: Days,
    pub today: Day,
    pub currency: Currency,
}

impl Usage {
    /// `has_money` tells whether the amounts are known. `warnings` are those of the reads.
    pub fn of(
        shown: Shown,
        meters: Vec<Metered<'_>>,
        has_money: bool,
        mut warnings: Vec<&'static str>,
    ) -> Self {
        let entries: Vec<(MeterEntry, bool)> =
            meters.into_iter().map(|metered| metered.entry(shown)).collect();
        if entries.iter().any(|(_, reconciles)| !reconciles) {
            warnings.push("not_reconciled");
        }
        let meters: Vec<MeterEntry> = entries.into_iter().map(|(entry, _)| entry).collect();
        let total =
            meters.iter().try_fold(0_i64, |sum, entry| sum.checked_add(entry.amount?.minor));
        let total = total.filter(|_| has_money).map(|minor| Money::new(minor, shown.currency));
        let Days { from, to } = shown.days;
        Self { from, to, currency: shown.currency, meters, total, warnings }
    }
}

impl Usage {
    /// Adds a warning before the others.
    #[must_use]
    pub fn with_warnings(mut self, first: Option<&'static str>) -> Self {
        self.warnings.splice(0..0, first);
        self
    }
}

impl Metered<'_> {
    /// Returns the entry, and false if the days' amounts are unknown although the next invoice is known.
    fn entry(self, shown: Shown) -> (MeterEntry, bool) {
        let Self { listed, formula, quantities, in_period } = self;
        let Shown { days, today, currency } = shown;
        let money = |minor| Money::new(minor, currency);
        let quantity = |day: &Day| quantities.get(day).copied().unwrap_or_default();
        let amounts = in_period.as_ref().and_then(|known| {
            let is_additive = matches!(formula, Formula::Sum | Formula::Count);
            let price = known.price.as_ref().filter(|_| is_additive)?;
            let price = (price.0, &price.1);
            amounts::by_day(&quantities, known.period, today, price, known.charged.as_ref()?)
        });
        let charged = in_period.as_ref().and_then(|known| known.charged.as_ref());
        let is_whole = in_period
            .as_ref()
            .is_some_and(|known| days.from <= known.period.from && days.to >= today);
        let amount = match &amounts {
            Some(amounts) => Some(days.until(today).filter_map(|day| amounts.get(&day)).sum()),
            None => charged.filter(|_| is_whole).and_then(Charged::amount),
        };
        let included =
            in_period.as_ref().and_then(|known| Some(known.price.as_ref()?.1.allowance()?.0));
        let used_in_period = total(formula, quantities.values().copied());
        let entry = MeterEntry {
            meter: listed.meter,
            name: listed.name,
            unit: listed.unit,
            included: included.map(exact),
            used: exact(total(
                formula,
                days.until(today).filter_map(|day| quantities.get(&day).copied()),
            )),
            remaining: included
                .map(|included| exact((included - used_in_period).max(Decimal::ZERO))),
            amount: amount.map(money),
            days: days
                .until(today)
                .map(|date| DayEntry {
                    date,
                    quantity: exact(quantity(&date)),
                    amount: amounts
                        .as_ref()
                        .and_then(|amounts| amounts.get(&date))
                        .copied()
                        .map(money),
                })
                .collect(),
        };
        (entry, amounts.is_some() || charged.is_none())
    }
}

/// Returns the quantity of several days: the newest one if only the newest event counts, else their sum.
fn total(formula: Formula, quantities: impl Iterator<Item = Decimal>) -> Decimal {
    match formula {
        Formula::Last => quantities.last().unwrap_or_default(),
        Formula::Sum | Formula::Count | Formula::Other => {
            quantities.fold(Decimal::ZERO, Decimal::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests;
