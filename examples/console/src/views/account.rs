//! Page of an account.

use maud::{Markup, html};

use super::layout::Page;
use super::parts::{Tone, account_url, button, notice, scroll, tag, trail};
use super::text::{date, is_zero, moment, money, sentence};
use super::{clock, dunning, failure, lines, plans, problem, usage};
use crate::api::{
    Discount, Dunning, Estimate, Failure, Info, InvoicePage, PaymentMethod, PendingChange, Summary,
    Usage, encoded,
};
use crate::clock::Reading;

/// Parts of the page, each of which can fail by itself.
pub struct Parts {
    pub summary: Result<Summary, Failure>,
    pub info: Result<Info, Failure>,
    pub dunning: Result<Dunning, Failure>,
    pub usage: Result<Usage, Failure>,
    pub invoices: Result<InvoicePage, Failure>,
    /// The clock of the account's customer; `None` with Stripe itself.
    pub clock: Option<Result<Reading, String>>,
}

impl Parts {
    /// Returns why the API does not respond, if none of the parts has a response.
    fn no_response(&self) -> Option<&str> {
        let Self { summary, info, dunning, usage, invoices, .. } = self;
        let failures = [
            summary.as_ref().err(),
            info.as_ref().err(),
            dunning.as_ref().err(),
            usage.as_ref().err(),
            invoices.as_ref().err(),
        ];
        Failure::no_response(failures)
    }
}

/// Returns the page. `key` is the idempotency key of its form.
pub fn page(account: &str, parts: &Parts, key: Option<&str>) -> Page {
    if let Some(reason) = parts.no_response() {
        return problem::api_down(reason);
    }
    let body = html! {
        (trail(&[]))
        h1 { (account) }
        @match &parts.dunning {
            Ok(found) => (dunning::banner(account, found)),
            Err(error) => (failure::part("The payment state", error)),
        }
        @match &parts.summary {
            Ok(summary) => (notices(account, summary, key)),
            Err(error) => (failure::part("The subscription", error)),
        }
        div.columns {
            div {
                @if let Ok(summary) = &parts.summary { (plan(account, summary, parts.info.as_ref().ok())) }
                (clock::one(account, parts.clock.as_ref()))
            }
            @if let Ok(summary) = &parts.summary { (next_invoice(summary)) }
        }
        @match &parts.usage {
            Ok(found) => (usage::section(found)),
            Err(error) => (failure::part("The usage", error)),
        }
        @match &parts.info {
            Ok(info) => (plans::section(account, info)),
            Err(error) => (failure::part("The plans", error)),
        }
        section.card aria-labelledby="invoices" {
            h2 id="invoices" { "Invoices" }
            @match &parts.invoices {
                Ok(page) => (invoices(account, page)),
                Err(error) => (failure::part("The invoices", error)),
            }
        }
    };
    Page::new(account, body)
}

/// Page with older invoices.
pub fn invoice_page(account: &str, found: &Result<InvoicePage, Failure>) -> Page {
    let url = account_url(account);
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { "Invoices" }
        @match found {
            Ok(page) => div.card { (invoices(account, page)) },
            Err(error) => (failure::part("The invoices", error)),
        }
    };
    Page::new(format!("Invoices of {account}"), body)
}

fn notices(account: &str, summary: &Summary, key: Option<&str>) -> Markup {
    html! {
        @if let Some(change) = &summary.pending_change { (pending(account, change, key)) }
        @else if let Some(end) = &summary.cancel_at { (ending(account, end, key)) }
        @if summary.stale {
            (notice("Stripe does not respond", Tone::Warn, &html! {
                p { "This is the last known state, of " (moment(&summary.as_of)) "." }
            }))
        }
        @for warning in &summary.warnings { (warn(account, warning)) }
    }
}

fn plan(account: &str, summary: &Summary, info: Option<&Info>) -> Markup {
    html! {
        section.card aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            p.price {
                (summary.plan.as_deref().map_or("Not in the catalogue".to_owned(), sentence))
                " " (tag(&sentence(&summary.status), super::accounts::status_tone(&summary.status)))
            }
            dl {
                @if let (Some(start), Some(end)) = (&summary.current_period_start, &summary.current_period_end) {
                    dt { "Period" } dd { (date(start)) " – " (date(end)) }
                }
                @if let Some(end) = &summary.trial_end { dt { "Trial until" } dd { (date(end)) } }
                @if let Some(quantity) = summary.quantity.as_deref().filter(|quantity| *quantity != "1") {
                    dt { "Quantity" } dd { (quantity) }
                }
                @if let Some(charge) = &summary.next_charge_at { dt { "Next charge" } dd { (moment(charge)) } }
                dt { "Payment" }
                dd { (method(info.and_then(|info| info.account.payment_method.as_ref()))) }
                @if !is_zero(&summary.balance) {
                    dt { "Credit" } dd { (money(&summary.balance, &summary.currency)) }
                }
                @for discount in &summary.discounts { dt { "Discount" } dd { (reduction(summary, discount)) } }
            }
            @if info.is_none_or(|info| info.capabilities.portal) {
                (plans::portal(account, can_be_canceled(summary)))
            }
        }
    }
}

fn can_be_canceled(summary: &Summary) -> bool {
    summary.cancel_at.is_none() && !matches!(summary.status.as_str(), "none" | "canceled")
}

fn method(method: Option<&PaymentMethod>) -> Markup {
    let Some(method) = method else { return html! { "No payment method" } };
    html! {
        (sentence(method.brand.as_deref().unwrap_or(&method.kind)))
        @if let Some(digits) = &method.last4 { " ending in " (digits) }
        @if let (Some(month), Some(year)) = (method.exp_month, method.exp_year) {
            ", until " (month) "/" (year)
        }
    }
}

fn reduction(summary: &Summary, discount: &Discount) -> Markup {
    html! {
        (discount.name)
        @if let Some(percent) = &discount.percent_off { ", " (percent) " %" }
        @if let Some(amount) = &discount.amount_off { ", " (money(amount, &summary.currency)) }
        @if let Some(end) = &discount.ends_at { ", until " (moment(end)) }
    }
}

fn next_invoice(summary: &Summary) -> Markup {
    html! {
        section.card aria-labelledby="estimate" {
            h2 id="estimate" { "Next invoice" }
            @match &summary.estimate {
                Some(found) => (estimate(summary, found)),
                None => p.soft { "Nothing will be billed." },
            }
        }
    }
}

fn estimate(summary: &Summary, found: &Estimate) -> Markup {
    html! {
        p.price { (money(&found.amount, &found.currency)) }
        p.small.soft {
            @if found.status == "draft" { "A renewal that Stripe charges within the hour" }
            @else if let Some(end) = &summary.current_period_end { "Estimate for " (date(end)) }
            ", with usage as of " (moment(&found.as_of))
        }
        (lines::table("Lines of the next invoice", &found.currency, &found.lines, &lines::estimate(found)))
    }
}

fn warn(account: &str, warning: &str) -> Markup {
    match warning {
        "tax_location_required" => notice(
            "The address is missing",
            Tone::Warn,
            &html! {
                p { "Stripe cannot compute the tax of the next invoice without it." }
                (button(
                    &format!("{}/portal", account_url(account)),
                    &[("flow", "customer_update")],
                    "",
                    "Add the address",
                ))
            },
        ),
        "multiple_subscriptions" => notice(
            "There are several subscriptions",
            Tone::Warn,
            &html! { p { "This page shows the one with the best standing. End the others in Stripe." } },
        ),
        other => notice(&sentence(other), Tone::Warn, &html! {}),
    }
}

fn pending(account: &str, change: &PendingChange, key: Option<&str>) -> Markup {
    let plan = change.plan.as_deref().unwrap_or("another plan");
    let title = match change.reason.as_str() {
        "scheduled" => format!("Change to {plan} is scheduled"),
        "payment_processing" => format!("Payment for {plan} is processing"),
        _ => format!("Change to {plan} waits for your bank"),
    };
    let body = html! {
        p {
            @if let Some(interval) = &change.interval { "Billed every " (interval) ". " }
            @if let Some(at) = &change.effective_at { "Takes effect on " (moment(at)) ". " }
            @if let Some(at) = &change.expires_at { "Expires on " (moment(at)) " unless it is paid." }
        }
        div.row {
            @if let Some(url) = &change.url { p { a.button href=(url) { "Complete the payment" } } }
            @if change.reason != "payment_processing" { (drop_button(account, key, "Drop the change")) }
        }
    };
    notice(&title, Tone::Plain, &body)
}

fn ending(account: &str, end: &str, key: Option<&str>) -> Markup {
    let body = html! {
        p { "The subscription ends on " (date(end)) "." }
        (drop_button(account, key, "Keep the subscription"))
    };
    notice("Subscription is set to end", Tone::Warn, &body)
}

fn drop_button(account: &str, key: Option<&str>, text: &str) -> Markup {
    let key = key.map(|key| ("key", key));
    let action = format!("{}/change/drop", account_url(account));
    button(&action, &key.into_iter().collect::<Vec<_>>(), "second", text)
}

fn invoices(account: &str, page: &InvoicePage) -> Markup {
    let url = account_url(account);
    html! {
        @if page.invoices.is_empty() { p.soft { "There are no invoices." } }
        @else {
            (scroll("Invoices", &html! {
                table {
                    caption.hidden { "Invoices, newest first" }
                    thead {
                        tr {
                            th scope="col" { "Invoice" }
                            th scope="col" { "Date" }
                            th scope="col" { "Payment" }
                            th.amount scope="col" { "Total" }
                        }
                    }
                    tbody {
                        @for invoice in &page.invoices {
                            tr {
                                th scope="row" {
                                    a href={ (url) "/invoices/" (encoded(&invoice.id)) } {
                                        (invoice.number.as_deref().unwrap_or(&invoice.id))
                                    }
                                }
                                td { (date(invoice.created_at.get(..10).unwrap_or(&invoice.created_at))) }
                                td { (payment(&invoice.status, &invoice.payment)) }
                                td.amount { (money(&invoice.amount, &invoice.currency)) }
                            }
                        }
                    }
                }
            }))
        }
        @if let Some(cursor) = &page.next_cursor {
            p { a href={ (url) "/invoices?cursor=" (encoded(cursor)) } { "Older invoices" } }
        }
    }
}

/// Tag with the state of an invoice's payment, or with the invoice's status where nothing is to be paid.
pub fn payment(status: &str, payment: &str) -> Markup {
    let (text, tone) = match (status, payment) {
        ("paid", _) => ("paid", Tone::Good),
        ("void" | "uncollectible", _) => (status, Tone::Plain),
        (_, "none") => (status, Tone::Warn),
        (_, "failed") => (payment, Tone::Bad),
        _ => (payment, Tone::Warn),
    };
    tag(&sentence(text), tone)
}
