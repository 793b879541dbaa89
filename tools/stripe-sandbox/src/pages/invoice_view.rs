//! HTML of the invoice page.

use maud::{Markup, html};

use super::card::{CardForm, test_cards};
use super::layout::{Document, Problem, date, money, summary};
use super::method::describe;
use crate::lifecycle::payments;
use crate::model::invoice::{IntentStatus, Invoice, PaymentIntent, Status};
use crate::world::World;

pub struct View<'a> {
    pub world: &'a World,
    pub invoice: &'a Invoice,
    pub form: &'a PaymentForm,
    pub action: &'a str,
}

#[derive(Default)]
pub struct PaymentForm {
    pub card: CardForm,
    pub problems: Vec<Problem>,
}

pub fn is_payable(world: &World, invoice: &Invoice) -> bool {
    matches!(invoice.status, Status::Open | Status::Uncollectible)
        && invoice.amount_remaining() > 0
        && payments::open_payment_of(world, &invoice.id).is_some()
        && !payments::is_processing(world, &invoice.id)
}

/// Returns the payment intent that requires authentication.
pub fn waiting(world: &World, invoice: &Invoice) -> Option<PaymentIntent> {
    payments::payment_intent_of(world, &invoice.id)
        .filter(|intent| intent.status == IntentStatus::RequiresAction)
}

/// Returns the status as a colored tag.
pub fn tag(world: &World, invoice: &Invoice) -> Markup {
    let (class, text) = match invoice.status {
        Status::Draft => ("plain", "Draft"),
        Status::Open if payments::is_processing(world, &invoice.id) => ("warn", "Processing"),
        Status::Open if invoice.attempted => ("bad", "Payment due"),
        Status::Open => ("warn", "Open"),
        Status::Paid => ("good", "Paid"),
        Status::Uncollectible => ("warn", "Uncollectible"),
        Status::Void => ("plain", "Void"),
    };
    html! { span.tag.(class) { (text) } }
}

fn processing() -> Markup {
    html! {
        div.notice.warn role="status" {
            h2 { "Your payment is processing" }
            p { "The bank needs some days. You need to do nothing." }
        }
    }
}

impl View<'_> {
    pub fn page(&self) -> Markup {
        let title = format!("Invoice {}", self.invoice.number.as_deref().unwrap_or("(draft)"));
        let payable = is_payable(self.world, self.invoice);
        let body = html! {
            (summary(&self.form.problems))
            @if self.invoice.status == Status::Paid { (self.paid()) }
            @if payments::is_processing(self.world, &self.invoice.id) { (processing()) }
            div.card {
                div.split { h1 { (title) } (tag(self.world, self.invoice)) }
                (self.facts())
                (self.lines())
            }
            @if payable {
                @if let Some(intent) = waiting(self.world, self.invoice) { (self.authenticate(&intent)) }
                section.card aria-labelledby="pay" { (self.pay()) }
            }
        };
        Document { title: &title, narrow: true, back: None }.render(&body)
    }

    fn format_amount(&self, minor: i64) -> String {
        money(self.invoice.currency, minor)
    }

    fn paid(&self) -> Markup {
        html! {
            div.notice.good role="status" {
                h2 { "Paid" }
                p {
                    @if self.invoice.amount_paid > 0 { "We received " (self.format_amount(self.invoice.amount_paid)) } @else { "Settled" }
                    @if let Some(at) = self.invoice.transitions.paid { " on " (date(at)) }
                    ". Thank you."
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let invoice = self.invoice;
        let to = invoice.customer_name.as_ref().or(invoice.customer_email.as_ref());
        html! {
            dl {
                @if let Some(to) = to { dt { "Billed to" } dd { (to) } }
                dt { "Date" } dd { (date(invoice.transitions.finalized.unwrap_or(invoice.created))) }
                @if let Some(due) = invoice.due_date { dt { "Due" } dd { (date(due)) } }
            }
        }
    }

    fn lines(&self) -> Markup {
        html! {
            table {
                thead { tr { th scope="col" { "Description" } th.amount scope="col" { "Amount" } } }
                tbody {
                    @for line in &self.invoice.lines {
                        tr {
                            td {
                                (line.description.as_deref().unwrap_or("Item"))
                                br;
                                span.small.soft {
                                    (date(line.period.0))
                                    @if line.period.1 > line.period.0 { " to " (date(line.period.1)) }
                                }
                            }
                            td.amount { (self.format_amount(line.amount)) }
                        }
                    }
                }
                (self.sums())
            }
        }
    }

    fn sums(&self) -> Markup {
        let (invoice, totals) = (self.invoice, &self.invoice.totals);
        let off: i64 = totals.discounts.iter().map(|(_, amount)| amount).sum();
        let balance = invoice.amount_due - totals.total;
        let row = |label: &str, amount: i64| {
            html! { tr { th scope="row" { (label) } td.amount { (self.format_amount(amount)) } } }
        };
        html! {
            tfoot {
                @if totals.total != totals.subtotal { (row("Subtotal", totals.subtotal)) }
                @if off != 0 { (row("Discount", -off)) }
                @for tax in &totals.taxes {
                    (row(&self.tax_name(&tax.rate, tax.inclusive), tax.amount))
                }
                (row("Total", totals.total))
                @if balance != 0 { (row("Customer balance", balance)) }
                @if invoice.amount_paid > 0 { (row("Paid", -invoice.amount_paid)) }
                tr {
                    th scope="row" { "Amount due" }
                    td.amount { strong { (self.format_amount(self.open_amount())) } }
                }
            }
        }
    }

    /// Returns the remaining amount; zero for a voided invoice.
    fn open_amount(&self) -> i64 {
        if self.invoice.status == Status::Void { 0 } else { self.invoice.amount_remaining() }
    }

    fn tax_name(&self, rate: &str, inclusive: bool) -> String {
        let name = self.world.tax_rates.get(rate).map_or_else(
            || "Tax".to_owned(),
            |rate| format!("{} {} %", rate.display_name, rate.percentage.normalize()),
        );
        if inclusive { format!("{name} (included)") } else { name }
    }

    fn authenticate(&self, intent: &PaymentIntent) -> Markup {
        let method =
            intent.payment_method.as_ref().and_then(|id| self.world.payment_methods.get(id));
        let other = method.map(|method| method.instrument).filter(|method| !method.is_card());
        html! {
            div.notice.warn {
                h2 {
                    @if let Some(other) = other { "Complete your payment with " (describe(other)) }
                    @else { "Your bank asks you to confirm this payment" }
                }
                p { "The payment completes only after that." }
                p { a.button href={ (self.action) "/authenticate" } { "Authenticate" } }
            }
        }
    }

    fn pay(&self) -> Markup {
        let due = self.format_amount(self.invoice.amount_remaining());
        let saved = payments::invoice_payment_method(self.world, self.invoice)
            .filter(|_| waiting(self.world, self.invoice).is_none());
        let failed = payments::payment_intent_of(self.world, &self.invoice.id)
            .and_then(|intent| intent.last_error)
            .filter(|_| self.form.problems.is_empty());
        html! {
            h2 id="pay" { "Pay " (due) }
            @if let Some((_, failure)) = failed {
                p { strong { "The last attempt failed: " } (failure.message) }
            }
            @if let Some(method) = saved {
                form method="post" action=(self.action) {
                    input type="hidden" name="with" value="saved";
                    p { button.wide type="submit" { "Pay " (due) " with " (describe(method.instrument)) } }
                }
                h2 { "Or with another card" }
            }
            form method="post" action=(self.action) novalidate {
                (self.form.card.render(&self.form.problems))
                label.check {
                    input type="checkbox" name="keep" value="1" checked;
                    span { "Use this card for future payments too" }
                }
                button.wide.second[saved.is_some()] type="submit" { "Pay " (due) }
            }
            (test_cards())
        }
    }
}
