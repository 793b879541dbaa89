//! Totals computed by hand, including the examples of Stripe's documentation.

use std::collections::BTreeMap;

use super::*;
use crate::model::Metadata;
use crate::model::invoice::Origin;

fn line(amount: i64, tax: &[&str]) -> Line {
    Line {
        id: String::new(),
        amount,
        description: None,
        quantity: None,
        unit: None,
        price: Some(("price".into(), "prod".into())),
        period: (0, 1),
        origin: Origin::InvoiceItem { invoice_item: "ii".into(), subscription: None },
        proration: amount < 0,
        credit: amount < 0,
        credited: None,
        metered: None,
        discountable: amount >= 0,
        item_discounts: vec![],
        tax_rates: tax.iter().map(|id| (*id).to_owned()).collect(),
        metadata: Metadata::new(),
        discount_amounts: vec![],
        taxes: vec![],
    }
}

fn rate(id: &str, percentage: i64, inclusive: bool) -> TaxRate {
    TaxRate {
        id: id.into(),
        display_name: "VAT".into(),
        percentage: percentage.into(),
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

fn percent(id: &str, percent: i64) -> AppliedDiscount {
    AppliedDiscount {
        id: id.into(),
        reduction: Reduction::Percent(percent.into()),
        products: vec![],
    }
}

fn fixed(id: &str, amount: i64) -> AppliedDiscount {
    let amounts = BTreeMap::from([(Currency::USD, amount)]);
    AppliedDiscount {
        id: id.into(),
        reduction: Reduction::Amount { currency: Currency::USD, amounts },
        products: vec![],
    }
}

#[test]
fn upgrade_with_tax_and_credit_matches_stripes_example() {
    let mut lines = [line(-1000, &["t"]), line(2500, &["t"])];
    let totals = compute_totals(&mut lines, &[], &[], &[rate("t", 10, false)], Currency::USD);
    assert_eq!((totals.subtotal, totals.total, totals.total_excluding_tax), (1500, 1650, 1500));
    assert_eq!((lines[0].taxes[0].amount, lines[1].taxes[0].amount), (-100, 250));
    let settled = settle_balance(totals.total, -400, Currency::USD);
    assert_eq!(settled, Settlement { amount_due: 1250, ending_balance: 0, too_small: false });
}

#[test]
fn negative_total_becomes_credit() {
    let mut lines = [line(-2500, &["t"]), line(1000, &["t"])];
    let totals = compute_totals(&mut lines, &[], &[], &[rate("t", 10, false)], Currency::USD);
    assert_eq!(totals.total, -1650);
    assert_eq!(
        settle_balance(totals.total, -400, Currency::USD),
        Settlement { amount_due: 0, ending_balance: -2050, too_small: false }
    );
}

#[test]
fn total_below_the_minimum_is_added_to_the_balance() {
    assert_eq!(
        settle_balance(30, 0, Currency::USD),
        Settlement { amount_due: 0, ending_balance: 30, too_small: true }
    );
    assert_eq!(
        settle_balance(2000, 30, Currency::USD),
        Settlement { amount_due: 2030, ending_balance: 0, too_small: false }
    );
    assert_eq!(settle_balance(49, 0, Currency::parse("jpy").unwrap()).amount_due, 0);
    assert_eq!(settle_balance(50, 0, Currency::parse("jpy").unwrap()).amount_due, 50);
}

#[test]
fn discounts_apply_in_order_before_tax() {
    let mut lines = [line(1000, &["t"]), line(3000, &["t"])];
    let totals = compute_totals(
        &mut lines,
        &[],
        &[percent("half", 50), fixed("five", 500)],
        &[rate("t", 20, false)],
        Currency::USD,
    );
    assert_eq!(totals.discounts, [("half".to_owned(), 2000), ("five".to_owned(), 500)]);
    assert_eq!(lines[0].discount_amounts, [("half".to_owned(), 500), ("five".to_owned(), 125)]);
    assert_eq!((totals.subtotal, totals.total_excluding_tax, totals.total), (4000, 1500, 1800));
}

#[test]
fn fixed_discount_is_limited_to_the_amount() {
    let mut lines = [line(300, &[])];
    let totals = compute_totals(&mut lines, &[], &[fixed("five", 500)], &[], Currency::USD);
    assert_eq!((totals.total, totals.discounts[0].1), (0, 300));
}

#[test]
fn inclusive_tax_does_not_change_the_total() {
    let mut lines = [line(1100, &["t"])];
    let totals = compute_totals(
        &mut lines,
        &[],
        &[percent("half", 50)],
        &[rate("t", 10, true)],
        Currency::USD,
    );
    assert_eq!((totals.subtotal, totals.subtotal_excluding_tax), (1100, 1000));
    assert_eq!((totals.total, totals.total_excluding_tax, totals.taxes[0].amount), (550, 500, 50));
}

#[test]
fn prorations_are_not_discounted_again() {
    let mut lines = [line(-1000, &[]), line(2000, &[])];
    let totals = compute_totals(&mut lines, &[], &[percent("half", 50)], &[], Currency::USD);
    assert_eq!(totals.total, 0);
    assert!(lines[0].discount_amounts.is_empty());
}

#[test]
fn item_discount_reduces_the_subtotal() {
    let mut lines = [line(1000, &[]), line(1000, &[])];
    lines[0].item_discounts = vec!["mine".into()];
    let totals = compute_totals(
        &mut lines,
        &[percent("mine", 10)],
        &[percent("all", 10)],
        &[],
        Currency::USD,
    );
    assert_eq!((totals.subtotal, totals.total), (1900, 1710));
}
