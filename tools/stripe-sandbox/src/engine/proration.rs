//! Credits and debits for a change in the middle of a period, to the second.
//!
//! Classic billing credits what the item costs now; flexible billing credits what was really
//! debited, so every item keeps its debit lines and a credit shortens them.

use rust_decimal::Decimal;

use super::lines::Context;
use super::money::Currency;
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

/// Gives back the unused time of an item from `at` on. Returns the credit lines and the debits as
/// they are after it. `full` is what a period costs now, after discounts: classic billing needs it.
pub fn credit(context: Context<'_>, full: i64, at: Timestamp) -> (Vec<Line>, Vec<Debit>) {
    let currency = context.subscription.currency;
    if context.subscription.mode == BillingMode::Classic {
        let amount = -share(full, at, context.item.period, currency);
        return (vec![credit_line(context, amount, (at, context.item.period.1))], Vec::new());
    }
    let mut lines = Vec::new();
    let mut debits = Vec::new();
    for debit in &context.item.debits {
        if debit.period.1 <= at {
            debits.push(debit.clone());
            continue;
        }
        let from = at.max(debit.period.0);
        let back = share(debit.amount, from, debit.period, currency);
        let mut line = credit_line(context, -back, (from, debit.period.1));
        line.tax_rates.clone_from(&debit.tax_rates);
        line.credited = debit.invoice.clone().map(|invoice| (invoice, vec![debit.line.clone()]));
        lines.push(line);
        if from > debit.period.0 {
            debits.push(Debit {
                amount: debit.amount - back,
                period: (debit.period.0, from),
                ..debit.clone()
            });
        }
    }
    (lines, debits)
}

/// Charges the rest of the period, of which a whole one costs `full` after discounts.
pub fn debit(context: Context<'_>, full: i64, at: Timestamp) -> Line {
    let amount = share(full, at, context.item.period, context.subscription.currency);
    proration_line(context, "Remaining time on", amount, (at, context.item.period.1))
}

fn credit_line(context: Context<'_>, amount: i64, period: (Timestamp, Timestamp)) -> Line {
    proration_line(context, "Unused time on", amount, period)
}

fn proration_line(
    context: Context<'_>,
    what: &str,
    amount: i64,
    period: (Timestamp, Timestamp),
) -> Line {
    let name = match context.item.quantity {
        Some(quantity) if quantity != 1 => format!("{quantity} × {}", context.product.name),
        _ => context.product.name.clone(),
    };
    let mut line =
        context.line(amount, format!("{what} {name} after {}", short_date(period.0)), period);
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

    proptest! {
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
