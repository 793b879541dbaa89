//! Responses name the amounts that Stripe charged, which are those that the caller was shown.

use serde_json::Value;

use crate::laws::{Violations, chain};
use crate::record::{Exchange, Kind};
use crate::round::Outcome;
use crate::truth::{number, text};

fn money(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// Returns what the change of an invoice costs: the amount due, or a negative total.
fn cost(invoice: &Value) -> String {
    let total = number(invoice, "total");
    money(if total < 0 { total } else { number(invoice, "amount_due") })
}

/// Returns the parts of a preview's breakdown that the invoice has.
fn breakdown(invoice: &Value) -> [(&'static str, String); 3] {
    let total = number(invoice, "total");
    let ending = invoice["ending_balance"].as_i64().unwrap_or_default();
    [
        ("total", money(total)),
        ("amountDue", money(number(invoice, "amount_due"))),
        ("balanceAfter", money(-ending)),
    ]
}

pub fn check(outcome: &Outcome, exchanges: &[Exchange], violations: &mut Violations) {
    for exchange in chain::operations(exchanges) {
        let Kind::Change { shown, .. } = &exchange.kind else { continue };
        match (exchange.status(), &*exchange.error()) {
            (200, _) => check_applied(outcome, exchange, shown.as_ref(), violations),
            (402, "payment_action_required") => {
                if let Some(shown) = shown {
                    check_waiting(outcome, exchange, shown, violations);
                }
            }
            _ => {}
        }
    }
}

fn check_applied(
    outcome: &Outcome,
    exchange: &Exchange,
    shown: Option<&Value>,
    violations: &mut Violations,
) {
    let body = exchange.json();
    let Some(id) = body["invoice"]["id"].as_str() else { return };
    let Some(invoice) = outcome.settled.invoice(id) else {
        violations.add("answered is charged", format!("there is no invoice {id}: {body}"));
        return;
    };
    let is_same = body["prorationAmount"] == cost(invoice)
        && body["invoice"]["amount"] == money(number(invoice, "total"))
        && body["invoice"]["status"] == invoice["status"];
    if !is_same {
        violations.add("answered is charged", format!("{body}\nStripe: {}", summary(invoice)));
    }
    let differs =
        body["warnings"].as_array().into_iter().flatten().any(|one| one == "amount_differs");
    let Some(shown) = shown.filter(|_| !differs) else { return };
    compare(shown, invoice, &body, violations);
}

/// Checks the amount of a change that waits for the customer, or waited.
fn check_waiting(
    outcome: &Outcome,
    exchange: &Exchange,
    shown: &Value,
    violations: &mut Violations,
) {
    let body = exchange.json();
    let url = &body["details"]["url"];
    let invoice = outcome.settled.invoices().find(|invoice| invoice["hosted_invoice_url"] == *url);
    match invoice {
        Some(invoice) => compare(shown, invoice, &body, violations),
        None => violations.add("payment_action_required names an invoice", body.to_string()),
    }
}

fn compare(shown: &Value, invoice: &Value, body: &Value, violations: &mut Violations) {
    if shown["prorationAmount"] != cost(invoice) {
        let text = format!(
            "shown {}, answered {body}\nStripe: {}",
            shown["prorationAmount"],
            summary(invoice)
        );
        violations.add("shown is charged", text);
    } else if invoice["status"] != "void"
        && let Some((part, is)) =
            breakdown(invoice).into_iter().find(|(part, is)| shown["breakdown"][part] != *is)
    {
        let text =
            format!("{part} is {is}, shown {}\nStripe: {}", shown["breakdown"], summary(invoice));
        violations.add("shown breakdown is charged", text);
    }
}

/// Returns the amounts of an invoice.
fn summary(invoice: &Value) -> String {
    let fields = [
        "id",
        "status",
        "total",
        "amount_due",
        "amount_paid",
        "starting_balance",
        "ending_balance",
    ];
    let lines = invoice["lines"].as_array().into_iter().flatten();
    let lines: Vec<_> =
        lines.map(|line| format!("{} {}", line["amount"], text(&line["description"]))).collect();
    format!("{} {lines:?}", fields.map(|name| format!("{name} {}", invoice[name])).join(", "))
}
