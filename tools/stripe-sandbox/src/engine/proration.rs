//! Prorations: credits and debits for a change in the middle of a period, to the second.
//!
//! Classic billing credits the item's current price. Flexible billing credits the amount that was
//! charged, so every item stores its debits and a credit shortens them.

use rust_decimal::Decimal;

use super::lines::Context;
use crate::model::invoice::Line;
use crate::model::subscription::{BillingMode, Debit};
use crate::values::cost::{Cost, remaining};
use crate::values::period::{Timestamp, short_date};

/// Credits the item's unused time from `at` on. Returns the credit lines and the remaining debits.
/// `cost` is the current cost of a period, which classic billing credits. `name_of` returns a
/// product's name: a debit can be of another price than the item has now.
pub fn credit(
    context: Context<'_>,
    cost: &Cost,
    at: Timestamp,
    name_of: impl Fn(&str) -> String,
) -> (Vec<Line>, Vec<Debit>) {
    let currency = context.subscription.currency;
    if context.subscription.mode == BillingMode::Classic {
        let credit = cost.clone().negated().prorated(at, context.item.period, currency);
        let line = credit_line(context, Charged::now(context), credit, (at, context.item.period.1));
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
        let credit = debit.cost.clone().negated().prorated(from, debit.period, currency);
        if from > debit.period.0 {
            debits.push(Debit {
                cost: remaining(&debit.cost, &credit),
                period: (debit.period.0, from),
                ..debit.clone()
            });
        }
        let charged = Charged {
            price: debit.price.clone(),
            quantity: debit.quantity,
            name: name_of(&debit.price.1),
        };
        let mut line = credit_line(context, charged, credit, (from, debit.period.1));
        line.tax_rates.clone_from(&debit.tax_rates);
        line.item_discounts.clone_from(&debit.item_discounts);
        line.credited = debit.invoice.clone().map(|invoice| (invoice, debit.lines.clone()));
        lines.push(line);
    }
    (lines, debits)
}

/// Charges the period from `at` on. Returns the line and the debit to store. `cost` is the cost of a
/// whole period.
pub fn debit(context: Context<'_>, cost: &Cost, at: Timestamp) -> (Line, Debit) {
    let period = (at, context.item.period.1);
    let cost = cost.prorated(at, context.item.period, context.subscription.currency);
    let charged = Charged::now(context);
    let line = proration_line(context, "Remaining time on", charged, cost.clone(), period);
    let debit = Debit {
        invoice: None,
        invoice_item: None,
        lines: Vec::new(),
        cost,
        period,
        price: (context.price.id.clone(), context.product.id.clone()),
        quantity: context.item.quantity,
        tax_rates: line.tax_rates.clone(),
        item_discounts: line.item_discounts.clone(),
    };
    (line, debit)
}

/// Price and quantity that a proration is about.
struct Charged {
    /// IDs of the price and the product.
    price: (String, String),
    quantity: Option<i64>,
    /// The product's name.
    name: String,
}

impl Charged {
    fn now(context: Context<'_>) -> Charged {
        Charged {
            price: (context.price.id.clone(), context.product.id.clone()),
            quantity: context.item.quantity,
            name: context.product.name.clone(),
        }
    }
}

fn credit_line(
    context: Context<'_>,
    charged: Charged,
    credit: Cost,
    period: (Timestamp, Timestamp),
) -> Line {
    Line { credit: true, ..proration_line(context, "Unused time on", charged, credit, period) }
}

fn proration_line(
    context: Context<'_>,
    what: &str,
    charged: Charged,
    cost: Cost,
    period: (Timestamp, Timestamp),
) -> Line {
    let name = match charged.quantity {
        Some(quantity) if quantity != 1 => format!("{quantity} × {}", charged.name),
        _ => charged.name,
    };
    let description = format!("{what} {name} after {}", short_date(period.0));
    let itemized = context.subscription.itemized;
    let amount = if itemized { cost.gross } else { cost.net() };
    let mut line = context.line(amount, description, period);
    // Included discounts are listed with amount 0.
    let shown = |amount: i64| if itemized { amount } else { 0 };
    line.discount_amounts =
        cost.discounts.into_iter().map(|(id, amount)| (id, shown(amount))).collect();
    line.proration = true;
    line.discountable = false;
    line.quantity = charged.quantity.map(Decimal::from);
    line.price = Some(charged.price);
    line
}
