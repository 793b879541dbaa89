//! The amounts and the proration date that an invoice shows for a plan change.

use serde::{Deserialize, Serialize};

use crate::billing::breakdown::{Breakdown, sum};
use crate::billing::line_prices::LinePrices;
use crate::stripe::StripeError;
use crate::stripe::views::{Expandable, Invoice, Line, Price};
use crate::values::{Money, Timestamp, fingerprint};

/// The amounts of a change that are compared before and after it, in minor units. The amount due alone would let a credit
/// or a debt move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAmounts {
    currency: String,
    total: i64,
    credit_applied: i64,
    amount_due: i64,
    balance_after: i64,
}

impl HeldAmounts {
    /// Reads the amounts of the change's invoice or of its preview.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum of amounts overflows.
    pub fn of(invoice: &Invoice) -> Result<Self, StripeError> {
        let amounts = Breakdown::of(invoice)?;
        Ok(Self {
            currency: invoice.currency.as_str().to_owned(),
            total: amounts.total.minor,
            credit_applied: amounts.credit_applied.minor,
            amount_due: amounts.amount_due.minor,
            balance_after: amounts.balance_after.minor,
        })
    }

    /// Reads the total of the first invoice of a plan that begins later. Nothing is due now, and the balance may move until
    /// then.
    pub fn later(invoice: &Invoice) -> Self {
        Self {
            currency: invoice.currency.as_str().to_owned(),
            total: invoice.total,
            credit_applied: 0,
            amount_due: 0,
            balance_after: 0,
        }
    }

    /// Returns the amount due, in minor units.
    pub fn due(&self) -> i64 {
        self.amount_due
    }

    /// Returns the amount due.
    pub fn due_money(&self) -> Option<Money> {
        Some(Money::new(self.amount_due, self.currency.parse().ok()?))
    }

    /// Returns whether the change's `invoice` has these amounts. A change without an invoice costs nothing.
    pub fn are_charged_by(&self, invoice: Option<&Invoice>) -> bool {
        match invoice {
            Some(invoice) => Self::of(invoice).is_ok_and(|charged| charged == *self),
            None => (self.total, self.amount_due) == (0, 0),
        }
    }
}

/// Returns the fingerprint of all of an invoice that usage does not move: lines by price, days, quantity and amount,
/// discounts, tax rates, and the balance. Where a new billing cycle starts, lines begin and end by the second.
pub fn without_usage(invoice: &Invoice, prices: &LinePrices<'_>) -> String {
    let is_usage = |line: &&Line| prices.of(line).is_some_and(Price::is_metered);
    let line = |line: &Line| {
        let rates = line.taxes.iter().flatten().filter_map(|tax| tax.tax_rate_details.as_ref());
        let rates: Vec<&str> = rates.map(|rate| rate.tax_rate.as_str()).collect();
        let discounts: Vec<&str> = line.discounts.iter().map(Expandable::id).collect();
        let (start, end) = (line.period.start.date(), line.period.end.date());
        let (price, quantity) = (line.price(), line.quantity_decimal.or(line.quantity));
        let (amount, proration) = (line.amount, line.is_proration());
        format!("{price:?} {start} {end} {quantity:?} {amount} {proration} {rates:?} {discounts:?}")
    };
    let mut parts: Vec<String> =
        invoice.lines.data.iter().filter(|line| !is_usage(line)).map(line).collect();
    parts.sort();
    parts.extend(invoice.discounts.iter().map(|discount| discount.id().to_owned()));
    parts.push(format!("{} {}", invoice.currency.as_str(), invoice.starting_balance));
    fingerprint(parts.iter().map(String::as_str))
}

/// Returns the sum of the lines that bill usage.
///
/// # Errors
/// [`StripeError::Malformed`] if it overflows.
pub fn usage(invoice: &Invoice, prices: &LinePrices<'_>) -> Result<Money, StripeError> {
    let lines = invoice.lines.data.iter();
    let usage = lines.filter(|line| prices.of(line).is_some_and(Price::is_metered));
    sum(usage.map(|line| line.amount), invoice.currency)
}

/// Returns what a change costs: the amount due, or the negative total, which becomes credit.
pub fn charge(invoice: &Invoice) -> Money {
    let minor = if invoice.total < 0 { invoice.total } else { invoice.amount_due };
    Money::new(minor, invoice.currency)
}

/// Returns the proration date that Stripe used.
pub fn proration_date(invoice: &Invoice) -> Option<Timestamp> {
    invoice.parent.as_ref()?.subscription_details.as_ref()?.subscription_proration_date
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::json;

    use super::*;

    fn invoice(currency: &str, total: i64, starting_balance: i64, amount_due: i64) -> Invoice {
        let amounts = json!({
            "currency": currency, "total": total, "starting_balance": starting_balance, "amount_due": amount_due,
        });
        view(with(fixtures::invoice("in_1", "paid", total), &amounts))
    }

    #[test]
    fn every_amount_of_the_invoice_is_compared() {
        // held, charged → equal
        let cases = [
            (("usd", 6_400, 0, 6_400), Some(("usd", 6_400, 0, 6_400)), true),
            (("usd", 6_400, 0, 6_400), Some(("usd", 6_401, 0, 6_401)), false),
            (("usd", 6_400, 0, 6_400), Some(("eur", 6_400, 0, 6_400)), false),
            // Credit covers the larger total as well.
            (("usd", 6_400, -90_000, 0), Some(("usd", 76_600, -90_000, 0)), false),
            // Another credit, of which the same part is used.
            (("usd", 6_400, -90_000, 0), Some(("usd", 6_400, -80_000, 0)), false),
            // A debt below the minimum charge.
            (("usd", 6, 0, 0), Some(("usd", 46, 0, 0)), false),
            (("usd", 0, 2_505, 0), None, true),
            (("usd", 6_400, 0, 6_400), None, false),
            (("usd", -6_400, 0, 0), None, false),
        ];
        for (held, charged, expected) in cases {
            let of = |(currency, total, balance, due)| invoice(currency, total, balance, due);
            let charged = charged.map(of);
            let held = HeldAmounts::of(&of(held)).expect("it adds up");
            assert_eq!(held.are_charged_by(charged.as_ref()), expected, "{held:?} {charged:?}");
        }
    }
}
