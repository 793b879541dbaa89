//! Costs of whole periods and of parts of them, rounded once.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::{Currency, allocate};
use super::period::Timestamp;

/// Returns the part of `amount` that falls on `[at, end)` of `period`, rounded once. Credits are
/// negative amounts, because ties do not round symmetrically.
pub fn prorated_amount(
    amount: i64,
    at: Timestamp,
    period: (Timestamp, Timestamp),
    currency: Currency,
) -> i64 {
    let (start, end) = period;
    let left = Decimal::from((end - at.clamp(start, end)).max(0));
    currency.round_proration(Decimal::from(amount) * left / Decimal::from(end - start))
}

/// Cost of a whole period, and the amount that each discount takes off it.
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
        self.gross - self.discount_total()
    }

    fn discount_total(&self) -> i64 {
        self.discounts.iter().map(|(_, amount)| amount).sum()
    }

    /// Returns the part that falls on `[at, end)` of `period`. The amounts before and after
    /// discounts are rounded separately; their difference is the discount.
    pub fn prorated(
        &self,
        at: Timestamp,
        period: (Timestamp, Timestamp),
        currency: Currency,
    ) -> Cost {
        let gross = prorated_amount(self.gross, at, period, currency);
        let off = gross - prorated_amount(self.net(), at, period, currency);
        let weights: Vec<i64> = self.discounts.iter().map(|(_, amount)| *amount).collect();
        let ids = self.discounts.iter().map(|(id, _)| id.clone());
        Cost { gross, discounts: ids.zip(allocate(off, &weights)).collect() }
    }

    pub fn negated(self) -> Cost {
        let discounts = self.discounts.into_iter().map(|(id, amount)| (id, -amount));
        Cost { gross: -self.gross, discounts: discounts.collect() }
    }
}

/// Returns the cost that is left of a debit after `credit`, which is negative.
pub fn remaining(cost: &Cost, credit: &Cost) -> Cost {
    let left = cost.discounts.iter().zip(&credit.discounts);
    let discounts = left.map(|((id, amount), (_, credit))| (id.clone(), amount + credit)).collect();
    Cost { gross: cost.gross + credit.gross, discounts }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prorated_amounts_match_stripes_examples() {
        let period = (0, 2_678_400);
        let at = 2_678_400 - 445_540;
        assert_eq!(prorated_amount(1000, at, period, Currency::USD), 166);
        assert_eq!(prorated_amount(3252, at, period, Currency::USD), 541);
    }

    #[test]
    fn each_line_is_rounded_separately() {
        let period = (0, 3_000_000);
        assert_eq!(prorated_amount(3000, 2_000_000, period, Currency::USD), 1000);
        assert_eq!(prorated_amount(5000, 2_000_000, period, Currency::USD), 1667);
    }

    fn cost(gross: i64, parts: &[i64]) -> Cost {
        // Discounts never exceed the gross amount.
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
        fn prorated_part_and_remainder_add_up_to_the_cost(
            gross in 0..100_000_000_i64, parts in prop::collection::vec(0..1_000_000_i64, 0..4),
            length in 1..40_000_000_i64, thousandths in 0..=1000_i64,
        ) {
            let whole = cost(gross, &parts);
            let at = length * thousandths / 1000;
            let part = whole.prorated(at, (0, length), Currency::USD);
            let exact = |amount: i64| Decimal::from(amount) * Decimal::from(length - at) / Decimal::from(length);
            let half = Decimal::new(5, 1) + Decimal::new(1, 12);
            prop_assert!((Decimal::from(part.gross) - exact(whole.gross)).abs() <= half);
            prop_assert!((Decimal::from(part.net()) - exact(whole.net())).abs() <= half);
            prop_assert!(part.discounts.iter().all(|(_, amount)| *amount >= 0));
            let credit = whole.clone().negated().prorated(at, (0, length), Currency::USD);
            prop_assert!((0..=1).contains(&-(credit.gross + part.gross)), "ties go down on both sides");
            let left = remaining(&whole, &credit);
            prop_assert_eq!((left.gross - credit.gross, left.net() - credit.net()), (whole.gross, whole.net()));
            prop_assert!(left.discounts.iter().all(|(_, amount)| *amount >= 0) && left.net() >= 0);
        }

        #[test]
        fn prorated_amount_is_between_zero_and_the_amount(
            amount in 0..100_000_000_i64, length in 1..40_000_000_i64, part in 0..=1000_i64,
        ) {
            let at = length * part / 1000;
            let share_of = prorated_amount(amount, at, (0, length), Currency::USD);
            prop_assert!((0..=amount).contains(&share_of));
            prop_assert_eq!(prorated_amount(amount, 0, (0, length), Currency::USD), amount);
            prop_assert_eq!(prorated_amount(amount, length, (0, length), Currency::USD), 0);
        }
    }
}
