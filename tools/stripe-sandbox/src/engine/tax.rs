//! Manual tax rates on one line: exclusive rates are added, inclusive rates are part of the amount.

use rust_decimal::Decimal;

use crate::model::catalog::TaxRate;
use crate::model::invoice::LineTax;
use crate::values::money::Currency;

/// Returns the taxes of a line whose amount after discounts is `amount`. A credit has negative
/// taxes.
pub fn line_taxes(amount: i64, rates: &[&TaxRate], currency: Currency) -> Vec<LineTax> {
    let hundred = Decimal::ONE_HUNDRED;
    let inclusive: Decimal =
        rates.iter().filter(|rate| rate.inclusive).map(|rate| rate.percentage).sum();
    let net_exact = Decimal::from(amount) * hundred / (hundred + inclusive);

    let included = |rate: &TaxRate| currency.round_tax(net_exact * rate.percentage / hundred);
    let net =
        amount - rates.iter().filter(|rate| rate.inclusive).map(|rate| included(rate)).sum::<i64>();
    rates
        .iter()
        .map(|rate| {
            let tax = if rate.inclusive {
                included(rate)
            } else {
                currency.round_tax(Decimal::from(net) * rate.percentage / hundred)
            };
            LineTax { rate: rate.id.clone(), inclusive: rate.inclusive, amount: tax, taxable: net }
        })
        .collect()
}

/// Returns the sum of each tax rate, in order of first appearance.
pub fn sum<'a>(taxes: impl Iterator<Item = &'a LineTax>) -> Vec<LineTax> {
    let mut sums: Vec<LineTax> = Vec::new();
    for tax in taxes {
        match sums.iter_mut().find(|sum| sum.rate == tax.rate) {
            Some(sum) => {
                sum.amount += tax.amount;
                sum.taxable += tax.taxable;
            }
            None => sums.push(tax.clone()),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Metadata;

    fn rate(id: &str, percentage: &str, inclusive: bool) -> TaxRate {
        TaxRate {
            id: id.into(),
            display_name: "VAT".into(),
            percentage: percentage.parse().unwrap(),
            inclusive,
            active: true,
            description: None,
            jurisdiction: None,
            country: None,
            state: None,
            tax_type: None,
            metadata: Metadata::new(),
            created: 0,
        }
    }

    fn amounts(amount: i64, rates: &[TaxRate]) -> Vec<(i64, i64)> {
        let rates: Vec<&TaxRate> = rates.iter().collect();
        line_taxes(amount, &rates, Currency::USD)
            .iter()
            .map(|tax| (tax.amount, tax.taxable))
            .collect()
    }

    #[test]
    fn exclusive_tax_is_added_and_inclusive_tax_is_included() {
        assert_eq!(amounts(1000, &[rate("a", "19", false)]), [(190, 1000)]);
        assert_eq!(amounts(1190, &[rate("a", "19", true)]), [(190, 1000)]);
        assert_eq!(amounts(-1000, &[rate("a", "10", false)]), [(-100, -1000)]);
    }

    #[test]
    fn yen_tax_rounds_as_observed_at_stripe() {
        assert_eq!(amounts(11965, &[rate("a", "10", false)]), [(1196, 11965)]);
        assert_eq!(amounts(-5983, &[rate("a", "10", false)]), [(-598, -5983)]);
    }

    proptest! {
        #[test]
        fn net_plus_inclusive_tax_is_the_amount_and_credits_mirror_charges(
            amount in 0..100_000_000_i64,
            rates in prop::collection::vec((0..1_000_000_i64, any::<bool>()), 0..4),
        ) {
            let rates: Vec<TaxRate> = rates
                .iter()
                .enumerate()
                .map(|(n, (percentage, inclusive))| {
                    rate(&n.to_string(), &Decimal::new(*percentage, 4).to_string(), *inclusive)
                })
                .collect();
            let rates: Vec<&TaxRate> = rates.iter().collect();
            let taxes = line_taxes(amount, &rates, Currency::USD);
            let inside: i64 = taxes.iter().filter(|tax| tax.inclusive).map(|tax| tax.amount).sum();
            for (tax, rate) in taxes.iter().zip(&rates) {
                prop_assert_eq!(tax.taxable + inside, amount);
                if !tax.inclusive {
                    let exact = Decimal::from(tax.taxable) * rate.percentage / Decimal::ONE_HUNDRED;
                    prop_assert!((Decimal::from(tax.amount) - exact).abs() <= Decimal::new(5, 1));
                }
            }
            let back = line_taxes(-amount, &rates, Currency::USD);
            prop_assert!(taxes.iter().zip(&back).all(|(tax, back)| tax.amount == -back.amount));
        }
    }

    #[test]
    fn two_rates_share_a_base() {
        assert_eq!(
            amounts(1000, &[rate("a", "5", false), rate("b", "9.975", false)]),
            [(50, 1000), (100, 1000)]
        );
        assert_eq!(
            amounts(1150, &[rate("a", "5", true), rate("b", "10", true)]),
            [(50, 1000), (100, 1000)]
        );
    }
}
