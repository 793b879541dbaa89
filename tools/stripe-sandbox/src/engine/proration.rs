//! Credits and debits for a change in the middle of a period, to the second.
//!
//! Classic billing credits what the item costs now; flexible billing credits what was really
//! debited, so every item keeps its debit lines and a credit shortens them.

use rust_decimal::Decimal;

use super::lines::Context;
use crate::model::invoice::Line;
use crate::model::subscription::{BillingMode, Debit};
use crate::values::cost::{Cost, less};
use crate::values::period::{Timestamp, short_date};
use crate::values::pricing::Amount;

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
        Some(Amount::PerUnit(unit)) => Some(*unit),
        _ => None,
    };
    line
}
