//! Invoice totals: discounts, then tax, then the customer's balance.

use rust_decimal::Decimal;

use super::tax::{self, line_taxes};
use crate::model::catalog::{Reduction, TaxRate};
use crate::model::invoice::{Line, Totals};
use crate::values::money::{Currency, allocate};

/// Discount with the coupon's amount and products.
#[derive(Clone, Debug)]
pub struct AppliedDiscount {
    pub id: String,
    pub reduction: Reduction,
    /// Products that it is limited to; empty means all.
    pub products: Vec<String>,
}

impl AppliedDiscount {
    fn covers(&self, line: &Line) -> bool {
        let product = line.price.as_ref().map(|(_, product)| product);
        line.discountable
            && (self.products.is_empty()
                || product.is_some_and(|product| self.products.contains(product)))
    }

    /// Returns the amount to take off each of `bases`; nothing for credits.
    fn amounts(&self, bases: &[i64], currency: Currency) -> Vec<i64> {
        let bases: Vec<i64> = bases.iter().map(|base| (*base).max(0)).collect();
        match &self.reduction {
            Reduction::Percent(percent) => bases
                .iter()
                .map(|base| currency.round(Decimal::from(*base) * *percent / Decimal::ONE_HUNDRED))
                .collect(),
            Reduction::Amount { amounts, .. } => {
                let off = amounts.get(&currency).copied().unwrap_or_default();
                allocate(off.min(bases.iter().sum()), &bases)
            }
        }
    }
}

/// Sets each line's discounts and taxes and returns the totals. A line lists the IDs of its own
/// discounts, which are looked up in `item_discounts`; `discounts` apply to the whole invoice.
/// Prorations already have their discounts, computed with their amounts.
pub fn compute_totals(
    lines: &mut [Line],
    item_discounts: &[AppliedDiscount],
    discounts: &[AppliedDiscount],
    rates: &[TaxRate],
    currency: Currency,
) -> Totals {
    let mut rest: Vec<i64> = lines.iter().map(|line| line.amount).collect();
    for line in lines.iter_mut().filter(|line| !line.proration) {
        line.discount_amounts.clear();
    }
    let mine = |applied: &AppliedDiscount, line: &Line| {
        !line.proration && line.item_discounts.contains(&applied.id)
    };
    apply_discounts(lines, &mut rest, item_discounts, currency, mine);
    subtract_proration_discounts(lines, &mut rest, |line, id| line.item_discounts.contains(id));
    let before: Vec<i64> = rest.clone();
    subtract_proration_discounts(lines, &mut rest, |line, id| !line.item_discounts.contains(id));
    apply_discounts(lines, &mut rest, discounts, currency, AppliedDiscount::covers);

    let mut totals = Totals { subtotal: before.iter().sum(), ..Totals::default() };
    let mut included_before_discount = 0;
    for ((line, rest), before) in lines.iter_mut().zip(&rest).zip(&before) {
        let own: Vec<&TaxRate> = line
            .tax_rates
            .iter()
            .filter_map(|id| rates.iter().find(|rate| rate.id == *id))
            .collect();
        line.taxes = line_taxes(*rest, &own, currency);
        included_before_discount += line_taxes(*before, &own, currency)
            .iter()
            .filter(|tax| tax.inclusive)
            .map(|tax| tax.amount)
            .sum::<i64>();
    }
    totals.taxes = tax::sum(lines.iter().flat_map(|line| &line.taxes));
    totals.discounts = sum_discounts(lines);
    let all_tax: i64 = totals.taxes.iter().map(|tax| tax.amount).sum();
    let on_top: i64 = totals.taxes.iter().filter(|tax| !tax.inclusive).map(|tax| tax.amount).sum();
    totals.total = rest.iter().sum::<i64>() + on_top;
    totals.total_excluding_tax = totals.total - all_tax;
    totals.subtotal_excluding_tax = totals.subtotal - included_before_discount;
    totals
}

fn apply_discounts(
    lines: &mut [Line],
    rest: &mut [i64],
    discounts: &[AppliedDiscount],
    currency: Currency,
    covers: impl Fn(&AppliedDiscount, &Line) -> bool,
) {
    for discount in discounts {
        let bases: Vec<i64> = lines
            .iter()
            .zip(rest.iter())
            .map(|(line, rest)| if covers(discount, line) { *rest } else { 0 })
            .collect();
        let amounts = discount.amounts(&bases, currency);
        for ((line, rest), amount) in lines.iter_mut().zip(rest.iter_mut()).zip(amounts) {
            if covers(discount, line) {
                *rest -= amount;
                line.discount_amounts.push((discount.id.clone(), amount));
            }
        }
    }
}

/// Subtracts those discounts of prorations for which `applies` returns true.
fn subtract_proration_discounts(
    lines: &[Line],
    rest: &mut [i64],
    applies: impl Fn(&Line, &String) -> bool,
) {
    for (line, rest) in lines.iter().zip(rest).filter(|(line, _)| line.proration) {
        let own = line.discount_amounts.iter().filter(|(id, _)| applies(line, id));
        *rest -= own.map(|(_, amount)| amount).sum::<i64>();
    }
}

fn sum_discounts(lines: &[Line]) -> Vec<(String, i64)> {
    let mut sums: Vec<(String, i64)> = Vec::new();
    for (id, amount) in lines.iter().flat_map(|line| &line.discount_amounts) {
        match sums.iter_mut().find(|(sum, _)| sum == id) {
            Some((_, sum)) => *sum += amount,
            None => sums.push((id.clone(), *amount)),
        }
    }
    sums
}

/// Amount due and balance after a total was applied to the customer's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub amount_due: i64,
    pub ending_balance: i64,
    /// The amount due is below Stripe's minimum charge and is added to the balance.
    pub too_small: bool,
}

/// Applies credit first. The remainder is due, unless it is below the minimum charge.
pub fn settle_balance(total: i64, starting_balance: i64, currency: Currency) -> Settlement {
    let due = if total < 0 { 0 } else { (total + starting_balance).max(0) };
    let too_small = due > 0 && due < currency.minimum_charge();
    let amount_due = if too_small { 0 } else { due };
    Settlement { amount_due, ending_balance: starting_balance + total - amount_due, too_small }
}

#[cfg(test)]
#[path = "invoice_tests.rs"]
mod tests;
