//! Breakdown of an invoice's amounts in the contract's terms.

use serde::Serialize;

use crate::stripe::StripeError;
use crate::stripe::views::{Invoice, PretaxCreditKind, TaxBehavior};
use crate::values::{Currency, Money};

/// `subtotal − discount − billing credits + tax added on top = total`, and the part of the total that is due in money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    pub subtotal: Money,
    /// Positive, except that of a negative total.
    pub discount: Money,
    /// Credit grants that the invoice uses.
    pub billing_credits: Money,
    /// All tax. Inclusive tax is also contained in `subtotal`.
    pub tax: Money,
    pub total: Money,
    /// The credit used; negative for a collected debt.
    pub credit_applied: Money,
    pub amount_due: Money,
    /// The customer's credit afterwards; negative for a debt. Stripe uses the opposite sign.
    pub balance_after: Money,
}

impl Breakdown {
    /// Returns the breakdown of nothing for a customer with this credit.
    pub fn nothing(balance: Money) -> Self {
        let zero = Money::new(0, balance.currency);
        Self {
            subtotal: zero,
            discount: zero,
            billing_credits: zero,
            tax: zero,
            total: zero,
            credit_applied: zero,
            amount_due: zero,
            balance_after: balance,
        }
    }

    /// Reads the amounts of a finalized or previewed invoice.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum overflows.
    pub fn of(invoice: &Invoice) -> Result<Self, StripeError> {
        let taxes = invoice.total_taxes.as_deref().unwrap_or_default();
        let on_top = taxes.iter().filter(|tax| tax.tax_behavior == TaxBehavior::Exclusive);
        let on_top: i128 = on_top.map(|tax| i128::from(tax.amount)).sum();
        let pretax = invoice.total_pretax_credit_amounts.iter().flatten();
        let grants =
            pretax.filter(|credit| credit.kind == PretaxCreditKind::CreditBalanceTransaction);
        let billing_credits: i128 = grants.map(|credit| i128::from(credit.amount)).sum();
        // Stripe's discount amounts include item discounts, which its subtotal already has. So the
        // discount is the difference that is left between subtotal and total.
        let reduction = i128::from(invoice.subtotal) + on_top - i128::from(invoice.total);
        let money = |minor: i128| to_money(minor, invoice.currency);
        Ok(Self {
            subtotal: Money::new(invoice.subtotal, invoice.currency),
            discount: money(reduction - billing_credits)?,
            billing_credits: money(billing_credits)?,
            tax: total_tax(invoice)?,
            total: Money::new(invoice.total, invoice.currency),
            credit_applied: money(credit_applied(invoice))?,
            amount_due: Money::new(invoice.amount_due, invoice.currency),
            balance_after: money(-balance_after(invoice))?,
        })
    }
}

/// Returns the credit used. Stripe's balance is negative for a credit.
///
/// A total below the minimum charge becomes debt, and then an older debt is not collected either. A
/// negative total adds credit and uses none.
fn credit_applied(invoice: &Invoice) -> i128 {
    let (total, balance) = (i128::from(invoice.total), i128::from(invoice.starting_balance));
    if total < 0 || (balance > 0 && invoice.amount_due == 0) { 0 } else { total.min(-balance) }
}

/// Returns the balance afterwards, which Stripe sets only on finalized invoices.
///
/// The part that is neither due nor covered by credit goes to the balance: a negative total as credit,
/// one below the minimum charge as debt.
fn balance_after(invoice: &Invoice) -> i128 {
    i128::from(invoice.starting_balance) + i128::from(invoice.total)
        - i128::from(invoice.amount_due)
}

/// Returns all tax of an invoice, inclusive tax too.
///
/// # Errors
/// [`StripeError::Malformed`] if a sum overflows.
pub fn total_tax(invoice: &Invoice) -> Result<Money, StripeError> {
    let taxes = invoice.total_taxes.as_deref().unwrap_or_default();
    sum(taxes.iter().map(|tax| tax.amount), invoice.currency)
}

/// Returns the sum of amounts of one currency, in minor units.
///
/// # Errors
/// [`StripeError::Malformed`] if a sum overflows.
pub fn sum(amounts: impl Iterator<Item = i64>, currency: Currency) -> Result<Money, StripeError> {
    to_money(amounts.map(i128::from).sum(), currency)
}

fn to_money(minor: i128, currency: Currency) -> Result<Money, StripeError> {
    let minor = i64::try_from(minor).map_err(|_| StripeError::Malformed {
        request_id: "an invoice".to_owned(),
        reason: "the sum of its amounts overflows".to_owned(),
    })?;
    Ok(Money::new(minor, currency))
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::json;

    use super::*;

    fn invoice(
        subtotal: i64,
        taxes: &[(i64, &str)],
        total: i64,
        starting_balance: i64,
        amount_due: i64,
    ) -> Invoice {
        let taxes: Vec<_> = taxes
            .iter()
            .map(|(amount, behavior)| json!({ "amount": amount, "tax_behavior": behavior }))
            .collect();
        let change = json!({
            "total": total, "amount_due": amount_due, "starting_balance": starting_balance, "total_taxes": taxes,
        });
        view(with(fixtures::invoice("in_1", "draft", subtotal), &change))
    }

    #[test]
    fn amounts_are_split_as_the_contract_defines() {
        // subtotal, taxes, total, starting balance, amount due → discount, tax, credit applied
        let cases: [(Invoice, [&str; 3]); 10] = [
            (invoice(3500, &[], 3500, 0, 3500), ["0.00", "0.00", "0.00"]),
            (invoice(3500, &[(350, "exclusive")], 3850, 0, 3850), ["0.00", "3.50", "0.00"]),
            (invoice(3500, &[(318, "inclusive")], 3500, 0, 3500), ["0.00", "3.18", "0.00"]),
            (invoice(3500, &[(280, "exclusive")], 3080, 0, 3080), ["7.00", "2.80", "0.00"]),
            (invoice(3500, &[], 3500, -1000, 2500), ["0.00", "0.00", "10.00"]),
            (invoice(3500, &[], 3500, -5000, 0), ["0.00", "0.00", "35.00"]),
            (invoice(3500, &[], 3500, 200, 3700), ["0.00", "0.00", "-2.00"]),
            (invoice(30, &[], 30, 0, 0), ["0.00", "0.00", "0.00"]),
            (invoice(30, &[], 30, 10, 0), ["0.00", "0.00", "0.00"]),
            (invoice(-1500, &[(-150, "exclusive")], -1650, -400, 0), ["0.00", "-1.50", "0.00"]),
        ];
        for (invoice, expected) in cases {
            let got = Breakdown::of(&invoice).expect("it adds up");
            let amounts =
                [got.discount, got.tax, got.credit_applied].map(|money| money.to_string());
            assert_eq!(amounts, expected, "{invoice:?}");
        }
    }

    #[test]
    fn billing_credits_are_no_discount() {
        let credit = |kind: &str, amount: i64| json!({ "type": kind, "amount": amount });
        // 35.00 less 5.00 of a coupon and 10.00 of a credit grant, and 10 % tax on top.
        let pretax = json!([credit("discount", 500), credit("credit_balance_transaction", 1000)]);
        let mut text = fixtures::invoice("in_1", "draft", 3500);
        text["total"] = json!(2200);
        text["total_taxes"] = json!([{ "amount": 200, "tax_behavior": "exclusive" }]);
        text["total_pretax_credit_amounts"] = pretax;
        let got = Breakdown::of(&view(text)).expect("it adds up");
        let amounts = [got.subtotal, got.discount, got.billing_credits, got.tax, got.total];
        assert_eq!(
            amounts.map(|money| money.to_string()),
            ["35.00", "5.00", "10.00", "2.00", "22.00"]
        );
    }

    #[test]
    fn overflowing_sum_is_refused() {
        let huge = invoice(i64::MAX, &[(i64::MAX, "exclusive")], i64::MIN, 0, 0);
        assert!(matches!(Breakdown::of(&huge), Err(StripeError::Malformed { .. })));
    }
}
