//! Lines and sums of estimates, previews and invoices.

use maud::{Markup, html};

use super::text::{date, is_zero, money};
use crate::api::{Breakdown, Estimate, Line};

/// Label and amount of a sum.
pub type Amount<'a> = (&'static str, &'a str);

/// Shows lines and sums as a table. The last sum is the one that matters.
pub fn table(caption: &str, currency: &str, lines: &[Line], sums: &[Amount]) -> Markup {
    html! {
        table {
            caption.hidden { (caption) }
            thead {
                tr {
                    th scope="col" { "Line" }
                    th.amount scope="col" { "Amount" }
                }
            }
            tbody {
                @if lines.is_empty() { tr { td { "No lines" } td.amount {} } }
                @for line in lines {
                    tr {
                        td {
                            (line.description.as_deref().unwrap_or("No description"))
                            @if let (Some(start), Some(end)) = (&line.period_start, &line.period_end) {
                                div.small.soft { (date(start)) " – " (date(end)) }
                            }
                        }
                        td.amount { (money(&line.amount, currency)) }
                    }
                }
            }
            tfoot {
                @for (label, amount) in sums {
                    tr {
                        th scope="row" { (label) }
                        td.amount { (money(amount, currency)) }
                    }
                }
            }
        }
    }
}

/// Returns the sums of a breakdown, without those that are zero and say nothing.
pub fn breakdown(sums: &Breakdown) -> Vec<Amount<'_>> {
    let all = [
        ("Subtotal", &sums.subtotal),
        ("Discount", &sums.discount),
        ("Billing credits", &sums.billing_credits),
        ("Tax", &sums.tax),
        ("Total", &sums.total),
        ("Credit applied", &sums.credit_applied),
        ("Credit balance afterwards", &sums.balance_after),
        ("Amount due", &sums.amount_due),
    ];
    telling(&all)
}

/// Returns the sums of an estimate in the same way.
pub fn estimate(sums: &Estimate) -> Vec<Amount<'_>> {
    let all = [
        ("Subtotal", &sums.subtotal),
        ("Discount", &sums.discount),
        ("Billing credits", &sums.billing_credits),
        ("Tax", &sums.tax),
        ("Total", &sums.amount),
        ("Credit applied", &sums.credit_applied),
        ("Amount due", &sums.amount_due),
    ];
    telling(&all)
}

fn telling<'a>(all: &[(&'static str, &'a String)]) -> Vec<Amount<'a>> {
    let always = ["Total", "Amount due"];
    let shown = all.iter().filter(|(label, amount)| always.contains(label) || !is_zero(amount));
    shown.map(|(label, amount)| (*label, amount.as_str())).collect()
}
