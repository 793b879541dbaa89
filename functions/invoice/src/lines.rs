//! The lines of an invoice. No I/O.

use serde::Serialize;
use shared::billing::breakdown::sum;
use shared::billing::catalog::Tiers;
use shared::billing::line_prices::LinePrices;
use shared::stripe::views::{Invoice, Line};
use shared::values::{exact, unit_price};
use shared::{Date, Money, StripeError};

/// A line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineEntry {
    pub description: Option<String>,
    /// Exact decimal.
    pub quantity: Option<String>,
    /// Exact decimal in major units; null for a proration and for a flat fee.
    pub unit_amount: Option<String>,
    /// Before the invoice's discounts and the tax that is added on top.
    pub amount: Money,
    /// All tax, inclusive tax too.
    pub tax: Money,
    pub proration: bool,
    pub period_start: Date,
    pub period_end: Date,
    /// Tier of the plan; null for an add-on.
    pub plan: Option<String>,
    /// Name of the meter; null if the line bills no usage.
    pub meter: Option<String>,
}

/// Returns the lines in Stripe's order. `prices` are theirs.
///
/// # Errors
/// [`StripeError::Malformed`] if a sum of amounts overflows.
pub fn lines(
    invoice: &Invoice,
    prices: &LinePrices<'_>,
    tiers: &Tiers,
) -> Result<Vec<LineEntry>, StripeError> {
    let currency = invoice.currency;
    let line = |line: &Line| {
        let pricing = line.pricing.as_ref();
        let unit_amount = pricing.and_then(|pricing| pricing.unit_amount_decimal);
        Ok(LineEntry {
            description: line.description.clone(),
            quantity: line.quantity_decimal.or(line.quantity).map(exact),
            unit_amount: unit_amount.and_then(|minor| unit_price(minor, currency)),
            amount: Money::new(line.amount, currency),
            tax: sum(line.taxes.iter().flatten().map(|tax| tax.amount), currency)?,
            proration: line.is_proration(),
            period_start: line.period.start.date(),
            period_end: line.period.end.date(),
            plan: prices.plan(line, tiers).map(str::to_owned),
            meter: prices.meter(line).map(str::to_owned),
        })
    };
    invoice.lines.data.iter().map(line).collect()
}

#[cfg(test)]
pub mod tests {
    use fixtures::{PERIOD_END, PERIOD_START, view, with};
    use serde_json::{Value, json};
    use shared::stripe::views::Price;

    use super::*;

    /// Returns an invoice with a line of a plan, one of a meter with tax, a proration and an invoice item.
    pub fn invoice(change: &Value) -> Invoice {
        let line = |id: &str, amount: i64, change: &Value| {
            let line = json!({
                "id": id, "amount": amount, "description": id, "quantity": 1,
                "period": { "start": PERIOD_START, "end": PERIOD_END },
                "parent": { "subscription_item_details": { "subscription_item": "si_1", "proration": false } },
            });
            with(line, change)
        };
        let priced = |price: &str, unit: &str| json!({ "unit_amount_decimal": unit, "price_details": { "price": price, "product": "prod_pro" } });
        let proration = json!({
            "parent": { "subscription_item_details": { "subscription_item": "si_1", "proration": true } },
            "pricing": { "unit_amount_decimal": null, "price_details": { "price": "price_deleted", "product": "prod_pro" } },
        });
        let usage = json!({
            "quantity": null, "quantity_decimal": "100.5", "pricing": priced("price_cpu", "1.2"),
            "taxes": [
                { "amount": 20, "tax_behavior": "exclusive" }, { "amount": 4, "tax_behavior": "inclusive" },
            ],
        });
        let lines = json!([
            line("Pro", 3500, &json!({ "pricing": priced("price_pro", "3500") })),
            line("CPU, \"all\"", 121, &usage),
            line("Remaining time", -100, &proration),
            line("One-off", 50, &json!({ "description": null, "quantity": null, "parent": null })),
        ]);
        let whole = json!({ "lines": { "data": lines, "has_more": false }, "total_taxes": [] });
        view(with(with(fixtures::invoice("in_1", "paid", 3571), &whole), change))
    }

    /// Returns the entries of an invoice's lines.
    pub fn entries(invoice: &Invoice) -> Vec<LineEntry> {
        let cpu = json!({ "metadata": { "cantila_plan": "pro", "cantila_meter": "cpu" } });
        let prices: [Price; 2] = [
            view(fixtures::price("price_pro", "prod_pro", "licensed")),
            view(with(fixtures::price("price_cpu", "prod_cpu", "metered"), &cpu)),
        ];
        let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
        lines(invoice, &LinePrices::known(prices.iter()), &tiers).expect("it adds up")
    }

    #[test]
    fn lines_name_their_plan_meter_unit_price_and_tax() {
        let found = serde_json::to_value(entries(&invoice(&json!({})))).expect("serializes");
        let line = |description: Value,
                    quantity: Value,
                    unit: Value,
                    amount: &str,
                    tax: &str,
                    proration: bool,
                    plan: Value,
                    meter: Value| {
            json!({
                "description": description, "quantity": quantity, "unitAmount": unit, "amount": amount, "tax": tax,
                "proration": proration, "periodStart": "2026-05-29", "periodEnd": "2026-06-28", "plan": plan, "meter": meter,
            })
        };
        let none = Value::Null;
        let expected = json!([
            line(
                json!("Pro"),
                json!("1"),
                json!("35"),
                "35.00",
                "0.00",
                false,
                json!("pro"),
                none.clone()
            ),
            line(
                json!("CPU, \"all\""),
                json!("100.5"),
                json!("0.012"),
                "1.21",
                "0.24",
                false,
                json!("pro"),
                json!("cpu")
            ),
            line(
                json!("Remaining time"),
                json!("1"),
                none.clone(),
                "-1.00",
                "0.00",
                true,
                json!("pro"),
                none.clone()
            ),
            line(
                none.clone(),
                none.clone(),
                none.clone(),
                "0.50",
                "0.00",
                false,
                none.clone(),
                none
            ),
        ]);
        assert_eq!(found, expected);
    }
}
