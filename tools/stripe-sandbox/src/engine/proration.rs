//! Credits and debits for a change in the middle of a period, to the second.
//!
//! Classic billing credits what the item costs now; flexible billing credits what was really
//! debited, so every item keeps its debit lines and a credit shortens them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::lines::Context;
use super::money::{Currency, allocate};
use super::period::{Timestamp, short_date};
use crate::model::invoice::Line;
use crate::model::subscription::{BillingMode, Debit};

/// The part of `amount` that falls on `[at, end)` of `period`, rounded once.
pub fn share(
    amount: i64,
    at: Timestamp,
    period: (Timestamp, Timestamp),
    currency: Currency,
) -> i64 {
    let (start, end) = period;
    let left = Decimal::from((end - at.clamp(start, end)).max(0));
    currency.round(Decimal::from(amount) * left / Decimal::from(end - start))
}

/// What a whole period costs, and what each discount takes off that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub gross: i64,
    pub discounts: Vec<(String, i64)>,
}

impl Cost {
    pub fn add(&mut self, gross: i64, discounts: &[(String, i64)]) {
        self.gross += gross;
        for (id, amount) in discounts {
            match self.discounts.iter_mut().find(|(sum, _)| sum == id) {
                Some((_, sum)) => *sum += amount,
                None => self.discounts.push((id.clone(), *amount)),
            }
        }
    }

    pub fn net(&self) -> i64 {
        self.gross - self.off()
    }

    fn off(&self) -> i64 {
        self.discounts.iter().map(|(_, amount)| amount).sum()
    }

    /// The part of it that falls on `[at, end)` of `period`. Before and after discounts are rounded,
    /// each for itself; the discounts are the difference.
    fn part(&self, at: Timestamp, period: (Timestamp, Timestamp), currency: Currency) -> Cost {
        let gross = share(self.gross, at, period, currency);
        let off = gross - share(self.net(), at, period, currency);
        let weights: Vec<i64> = self.discounts.iter().map(|(_, amount)| *amount).collect();
        let ids = self.discounts.iter().map(|(id, _)| id.clone());
        Cost { gross, discounts: ids.zip(allocate(off, &weights)).collect() }
    }

    fn negated(self) -> Cost {
        let discounts = self.discounts.into_iter().map(|(id, amount)| (id, -amount));
        Cost { gross: -self.gross, discounts: discounts.collect() }
    }
}

/// Gives back the unused time of an item from `at` on. Returns the credit lines and the debits as
/// they are after it. `cost` is what a period costs now: classic billing needs it.
pub fn credit(context: Context<'_>, cost: &Cost, at: Timestamp) -> (Vec<Line>, Vec<Debit>) {
    let currency = context.subscription.currency;
    if context.subscription.mode == BillingMode::Classic {
        let back = cost.part(at, context.item.period, currency);
        let line = credit_line(context, back, (at, context.item.period.1));
        return (vec![line], Vec::new());
    }
    let mut lines = Vec::new();
    let mut debits = Vec::new();
    for debit in &context.item.debits {
        if debit.period.1 <= at {
            debits.push(debit.clone());
            continue;
        }
        let from = at.max(debit.period.0);
        let back = debit.cost.part(from, debit.period, currency);
        if from > debit.period.0 {
            debits.push(Debit {
                cost: less(&debit.cost, &back),
                period: (debit.period.0, from),
                ..debit.clone()
            });
        }
        let mut line = credit_line(context, back, (from, debit.period.1));
        line.tax_rates.clone_from(&debit.tax_rates);
        line.item_discounts.clone_from(&debit.item_discounts);
        line.credited = debit.invoice.clone().map(|invoice| (invoice, debit.lines.clone()));
        lines.push(line);
    }
    (lines, debits)
}

/// What is left of a debit when a part of it is given back.
fn less(cost: &Cost, back: &Cost) -> Cost {
    let left = cost.discounts.iter().zip(&back.discounts);
    let discounts = left.map(|((id, amount), (_, back))| (id.clone(), amount - back)).collect();
    Cost { gross: cost.gross - back.gross, discounts }
}

/// Charges the rest of the period, of which a whole one has this `cost`; and that as a debit.
pub fn debit(context: Context<'_>, cost: &Cost, at: Timestamp) -> (Line, Debit) {
    let period = (at, context.item.period.1);
    let cost = cost.part(at, context.item.period, context.subscription.currency);
    let line = proration_line(context, "Remaining time on", cost.clone(), period);
    let debit = Debit {
        invoice: None,
        invoice_item: None,
        lines: Vec::new(),
        cost,
        period,
        tax_rates: line.tax_rates.clone(),
        item_discounts: line.item_discounts.clone(),
    };
    (line, debit)
}

fn credit_line(context: Context<'_>, back: Cost, period: (Timestamp, Timestamp)) -> Line {
    let line = proration_line(context, "Unused time on", back.negated(), period);
    Line { credit: true, ..line }
}

fn proration_line(
    context: Context<'_>,
    what: &str,
    cost: Cost,
    period: (Timestamp, Timestamp),
) -> Line {
    let name = match context.item.quantity {
        Some(quantity) if quantity != 1 => format!("{quantity} × {}", context.product.name),
        _ => context.product.name.clone(),
    };
    let description = format!("{what} {name} after {}", short_date(period.0));
    let itemized = context.subscription.itemized;
    let amount = if itemized { cost.gross } else { cost.net() };
    let mut line = context.line(amount, description, period);
    // Included discounts are named all the same, with nothing left to take off.
    let shown = |amount: i64| if itemized { amount } else { 0 };
    line.discount_amounts =
        cost.discounts.into_iter().map(|(id, amount)| (id, shown(amount))).collect();
    line.proration = true;
    line.discountable = false;
    line.quantity = context.item.quantity.map(Decimal::from);
    line.unit = match context.price.amount_in(context.subscription.currency) {
        Some(super::pricing::Amount::PerUnit(unit)) => Some(*unit),
        _ => None,
    };
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_samples_of_stripes_documentation_come_out() {
        let period = (0, 2_678_400);
        let at = 2_678_400 - 445_540;
        assert_eq!(share(1000, at, period, Currency::USD), 166);
        assert_eq!(share(3252, at, period, Currency::USD), 541);
    }

    #[test]
    fn each_line_is_rounded_and_not_their_difference() {
        let period = (0, 3_000_000);
        assert_eq!(share(3000, 2_000_000, period, Currency::USD), 1000);
        assert_eq!(share(5000, 2_000_000, period, Currency::USD), 1667);
    }

    fn cost(gross: i64, parts: &[i64]) -> Cost {
        // Discounts never take more than there is.
        let mut left = gross;
        let take = |(n, part): (usize, &i64)| {
            let amount = part.min(&left).to_owned();
            left -= amount;
            (format!("di_{n}"), amount)
        };
        Cost { gross, discounts: parts.iter().enumerate().map(take).collect() }
    }

    proptest! {
        #[test]
        fn a_part_is_rounded_within_half_a_coin_and_what_is_left_is_the_rest(
            gross in 0..100_000_000_i64, parts in prop::collection::vec(0..1_000_000_i64, 0..4),
            length in 1..40_000_000_i64, thousandths in 0..=1000_i64,
        ) {
            let whole = cost(gross, &parts);
            let at = length * thousandths / 1000;
            let part = whole.part(at, (0, length), Currency::USD);
            let exact = |amount: i64| Decimal::from(amount) * Decimal::from(length - at) / Decimal::from(length);
            let half = Decimal::new(5, 1) + Decimal::new(1, 12);
            prop_assert!((Decimal::from(part.gross) - exact(whole.gross)).abs() <= half);
            prop_assert!((Decimal::from(part.net()) - exact(whole.net())).abs() <= half);
            prop_assert!(part.discounts.iter().all(|(_, amount)| *amount >= 0));
            let left = less(&whole, &part);
            prop_assert_eq!((left.gross + part.gross, left.net() + part.net()), (whole.gross, whole.net()));
            prop_assert!(left.discounts.iter().all(|(_, amount)| *amount >= 0) && left.net() >= 0);
        }

        #[test]
        fn a_share_lies_between_nothing_and_everything(
            amount in 0..100_000_000_i64, length in 1..40_000_000_i64, part in 0..=1000_i64,
        ) {
            let at = length * part / 1000;
            let share_of = share(amount, at, (0, length), Currency::USD);
            prop_assert!((0..=amount).contains(&share_of));
            prop_assert_eq!(share(amount, 0, (0, length), Currency::USD), amount);
            prop_assert_eq!(share(amount, length, (0, length), Currency::USD), 0);
        }
    }
}
