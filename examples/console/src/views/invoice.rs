//! Page of an invoice.

use maud::html;

use super::layout::Page;
use super::parts::{account_url, trail};
use super::text::{date, moment, money, sentence};
use super::{account, failure, lines};
use crate::api::{Failure, Invoice};

pub fn page(name: &str, found: &Result<Invoice, Failure>) -> Page {
    let url = account_url(name);
    let invoice = match found {
        Ok(invoice) => invoice,
        Err(error) => {
            let body = html! {
                (trail(&[(&url, name)]))
                h1 { "Invoice" }
                (failure::part("The invoice", error))
            };
            return Page::new("Invoice", body).narrow().with_status(error.status());
        }
    };
    let row = &invoice.row;
    let number = row.number.as_deref().unwrap_or(&row.id);
    let body = html! {
        (trail(&[(&url, name)]))
        h1 { "Invoice " (number) }
        div.card {
            p.price { (money(&row.amount, &row.currency)) " " (account::payment(&row.status, &row.payment)) }
            dl {
                dt { "Created" } dd { (moment(&row.created_at)) }
                dt { "Period" } dd { (date(&invoice.period_start)) " – " (date(&invoice.period_end)) }
                @if let Some(due) = &invoice.due_date { dt { "Due" } dd { (date(due)) } }
                @if let Some(paid) = &invoice.paid_at { dt { "Paid" } dd { (moment(paid)) } }
                @if let Some(made) = &invoice.attribution {
                    dt { "Made by" }
                    dd { "request " code { (made.request_id) } " with key " code { (made.key_id) } }
                }
            }
            div.row {
                @if let Some(hosted) = &invoice.hosted_url { p { a.button.second href=(hosted) { "Stripe’s page" } } }
                @if let Some(pdf) = &invoice.pdf_url { p { a.button.second href=(pdf) { "PDF" } } }
            }
        }
        section.card aria-labelledby="lines" {
            h2 id="lines" { "Lines" }
            (lines::table("Lines of the invoice", &row.currency, &invoice.lines, &lines::breakdown(&invoice.breakdown)))
        }
        section.card aria-labelledby="payments" {
            h2 id="payments" { "Payments" }
            @if invoice.payments.is_empty() { p.soft { "There are no payments." } }
            @else {
                ul.log {
                    @for payment in &invoice.payments {
                        li {
                            span { (money(&payment.amount, &row.currency)) ", " (sentence(&payment.status)) }
                            span.soft { (moment(&payment.at)) }
                            @if let Some(failed) = &payment.failure { span { (failed.message) } }
                        }
                    }
                }
            }
        }
    };
    Page::new(format!("Invoice {number}"), body).narrow()
}
