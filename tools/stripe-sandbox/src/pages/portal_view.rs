//! HTML of the customer portal.

use maud::{Markup, html};

use super::card::{CardForm, test_cards};
use super::invoice_view::tag;
use super::layout::{Document, Problem, date, money, summary};
use super::method::describe;
use super::request::PageRequest;
use crate::lifecycle::payments;
use crate::model::customer::Customer;
use crate::model::invoice::{Invoice, Status as InvoiceStatus};
use crate::model::portal::{CancelMode, Configuration, Session};
use crate::model::subscription::{Status, Subscription};
use crate::values::period::Timestamp;
use crate::world::World;

/// Request to an open portal session.
pub struct Portal<'a> {
    pub session: Session,
    pub configuration: Configuration,
    pub base: String,
    pub request: &'a PageRequest<'a>,
}

impl Portal<'_> {
    pub fn in_flow(&self) -> bool {
        self.session.flow.is_some() && !self.session.flow_done
    }

    /// Returns the back link: to the return URL from the portal's home and from a flow, else to the
    /// home.
    pub fn back(&self) -> Option<(&str, &str)> {
        if self.request.path.len() == 2 || self.in_flow() {
            return self.session.return_url.as_deref().map(|url| (url, "Return"));
        }
        Some((&self.base, "Billing"))
    }
}

pub struct View<'a> {
    pub world: &'a World,
    pub portal: &'a Portal<'a>,
}

pub struct Plan {
    pub sub: Subscription,
    /// Due date and amount of the next invoice.
    pub next: Option<(Timestamp, i64)>,
}

/// Maximum number of listed invoices.
const MAX_LISTED: usize = 24;

impl View<'_> {
    pub fn home(&self, plans: &[Plan], done: Option<&str>) -> Markup {
        let customer = self.world.customer(&self.portal.session.customer);
        let features = &self.portal.configuration.features;
        let headline = self.portal.configuration.headline.as_deref();
        let body = html! {
            h1 { (headline.unwrap_or("Your billing")) }
            @if let Some(who) = customer.email.as_ref().or(customer.name.as_ref()) {
                p.soft { (who) }
            }
            (notice(done))
            section.card aria-labelledby="plan" {
                h2 id="plan" { @if plans.len() > 1 { "Current plans" } @else { "Current plan" } }
                @if plans.is_empty() { p { "You have no plan at present." } }
                @for plan in plans { (self.plan(plan)) }
            }
            section.card aria-labelledby="card" { (self.payment_method(plans)) }
            @if features.customer_update.is_some() {
                section.card aria-labelledby="details" { (self.details(customer)) }
            }
            @if features.invoice_history {
                section.card aria-labelledby="invoices" { (self.invoices()) }
            }
            (self.legal())
        };
        Document { title: "Your billing", narrow: true, back: self.portal.back() }.render(&body)
    }

    fn details(&self, customer: &Customer) -> Markup {
        let address = customer.address.as_ref();
        let parts = address.map(|a| [&a.line1, &a.postal_code, &a.city, &a.state, &a.country]);
        let lines: Vec<&str> = parts.into_iter().flatten().flatten().map(String::as_str).collect();
        let facts = [
            ("Name", customer.name.clone()),
            ("Email", customer.email.clone()),
            ("Phone", customer.phone.clone()),
            ("Address", (!lines.is_empty()).then(|| lines.join(", "))),
            ("Tax ID", customer.tax_ids.first().map(|id| id.value.clone())),
        ];
        html! {
            h2 id="details" { "Billing details" }
            @if facts.iter().any(|(_, value)| value.is_some()) {
                dl {
                    @for (name, value) in &facts {
                        @if let Some(value) = value { dt { (name) } dd { (value) } }
                    }
                }
            } @else { p { "There are none yet." } }
            p { a.button.second href={ (self.portal.base) "/details" } { "Update details" } }
        }
    }

    /// Returns the distinct names of products with a licensed price, or of those with a metered one.
    fn names(&self, sub: &Subscription, licensed: bool) -> Vec<&str> {
        let mut names = Vec::new();
        for item in sub.items.iter().filter(|item| item.quantity.is_some() == licensed) {
            let price = self.world.price(&item.price);
            let name = self.world.product(&price.product).name.as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn plan_names(&self, sub: &Subscription) -> String {
        let licensed = self.names(sub, true);
        let names = if licensed.is_empty() { self.names(sub, false) } else { licensed };
        names.join(" + ")
    }

    /// Returns the names of the metered products; none for those that have the plan's name.
    fn usage_names(&self, sub: &Subscription) -> Option<String> {
        let licensed = self.names(sub, true);
        let mut metered = self.names(sub, false);
        metered.retain(|name| !licensed.contains(name));
        (!licensed.is_empty() && !metered.is_empty()).then(|| metered.join(", "))
    }

    fn plan(&self, plan: &Plan) -> Markup {
        let sub = &plan.sub;
        let cancel = self.portal.configuration.features.subscription_cancel;
        let overdue = matches!(sub.status, Status::PastDue | Status::Unpaid | Status::Incomplete);
        html! {
            div.split { p { strong { (self.plan_names(sub)) } } (status_tag(sub)) }
            @if overdue { (self.overdue(sub)) }
            p.soft { (Self::next_charge(plan)) }
            @if let Some(metered) = self.usage_names(sub) { p.soft { "Billed by usage: " (metered) } }
            @if cancel {
                div.row {
                    @if sub.cancel_at.is_some() {
                        form method="post" action={ (self.portal.base) "/renew/" (sub.id) } {
                            button type="submit" { "Renew plan" }
                        }
                    } @else {
                        a.button.second href={ (self.portal.base) "/cancel/" (sub.id) } { "Cancel plan" }
                    }
                }
            }
        }
    }

    fn next_charge(plan: &Plan) -> String {
        if let Some(at) = plan.sub.cancel_at {
            return format!("Ends on {} and will not renew.", date(at));
        }
        let Some((at, amount)) = plan.next.filter(|_| plan.sub.status != Status::Unpaid) else {
            return "Nothing will be charged at present.".to_owned();
        };
        let (at, amount) = (date(at), money(plan.sub.currency, amount));
        let metered = plan.sub.items.iter().any(|item| item.quantity.is_none());
        let usage = if metered { " Usage until then comes on top." } else { "" };
        match plan.sub.status {
            Status::Trialing => {
                format!("The trial ends on {at}. The plan costs {amount} then.{usage}")
            }
            _ => format!("Renews on {at} for {amount}.{usage}"),
        }
    }

    /// Returns a notice about the oldest unpaid invoice whose payment is not processing.
    fn overdue(&self, sub: &Subscription) -> Markup {
        let open = format!("subscription={}&status=open", sub.id);
        let mut invoices = self.world.invoices().under(&open);
        let invoice = invoices.find(|invoice| !payments::is_processing(self.world, &invoice.id));
        html! {
            @if let Some(invoice) = invoice {
                div.notice.bad {
                    h2 { "A payment is missing" }
                    p {
                        (money(invoice.currency, invoice.amount_remaining()))
                        " from " (date(invoice.created)) " could not be collected."
                    }
                    p { a.button href=(invoice_path(invoice)) { "Pay invoice" } }
                }
            }
        }
    }

    fn payment_method(&self, plans: &[Plan]) -> Markup {
        let customer = self.world.customer(&self.portal.session.customer);
        let own = plans.iter().find_map(|plan| plan.sub.default_payment_method.as_ref());
        let id = own.or(customer.default_payment_method.as_ref());
        let method = id.and_then(|id| self.world.payment_methods.get(id));
        html! {
            h2 id="card" { "Payment method" }
            div.split {
                p { @match method {
                    Some(method) => { (describe(method.instrument)) }
                    None => { "No card on file." }
                } }
                @if self.portal.configuration.features.payment_method_update {
                    a.button.second href={ (self.portal.base) "/card" } {
                        @if method.is_some() { "Update card" } @else { "Add card" }
                    }
                }
            }
        }
    }

    fn invoices(&self) -> Markup {
        let key = format!("customer={}", self.portal.session.customer);
        let shown = |invoice: &&Invoice| invoice.status != InvoiceStatus::Draft;
        let own: Vec<&Invoice> =
            self.world.invoices().under(&key).rev().filter(shown).take(MAX_LISTED).collect();
        html! {
            h2 id="invoices" { "Invoices" }
            @if own.is_empty() { p.soft { "There are none yet." } }
            @else {
                // The narrow layout changes `display`, and the table would lose its implicit roles.
                table.stack role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th role="columnheader" { "Invoice" } th role="columnheader" { "Date" }
                        th role="columnheader" { "Status" } th.amount role="columnheader" { "Amount" }
                    } }
                    tbody role="rowgroup" { @for invoice in own { (row(self.world, invoice)) } }
                }
            }
        }
    }

    fn legal(&self) -> Markup {
        let configuration = &self.portal.configuration;
        let links = [
            ("Terms", &configuration.terms_of_service_url),
            ("Privacy", &configuration.privacy_policy_url),
        ];
        html! {
            p.row.small {
                @for (label, url) in links {
                    @if let Some(url) = url { a href=(url) { (label) } }
                }
            }
        }
    }

    pub fn cancel(&self, sub: &Subscription) -> Markup {
        let features = &self.portal.configuration.features;
        let title = format!("Cancel {}", self.plan_names(sub));
        let end = sub.last_period_end().filter(|_| features.cancel_mode == CancelMode::AtPeriodEnd);
        let body = html! {
            div.card {
                h1 { (title) }
                p { @match end {
                    Some(end) => {
                        "The plan stays yours until " strong { (date(end)) } " and is not renewed after that. You can change your mind until then."
                    }
                    None => { "The plan ends at once. Payments are not refunded." }
                } }
                form method="post" action={ (self.portal.base) "/cancel/" (sub.id) } {
                    @if let Some(reasons) = &features.cancel_reasons { (reasons_form(reasons)) }
                    div.row {
                        button.danger type="submit" { "Cancel plan" }
                        @if let Some((url, _)) = self.portal.back() {
                            a.button.second href=(url) { "Keep plan" }
                        }
                    }
                }
            }
        };
        Document { title: &title, narrow: true, back: self.portal.back() }.render(&body)
    }
}

fn row(world: &World, invoice: &Invoice) -> Markup {
    let number = invoice.number.as_deref().unwrap_or(&invoice.id);
    html! {
        tr role="row" {
            td role="cell" { a.number href=(invoice_path(invoice)) { (number) } }
            td role="cell" { (date(invoice.created)) }
            td role="cell" { (tag(world, invoice)) }
            td.amount role="cell" { (money(invoice.currency, invoice.totals.total)) }
        }
    }
}

fn invoice_path(invoice: &Invoice) -> String {
    format!("/i/{}.{}", invoice.id, invoice.token)
}

fn status_tag(sub: &Subscription) -> Markup {
    let (class, word) = match sub.status {
        _ if sub.cancel_at.is_some() => ("warn", "Ends soon"),
        Status::Active => ("good", "Active"),
        Status::Trialing => ("good", "Trial"),
        Status::PastDue => ("bad", "Overdue"),
        Status::Unpaid => ("bad", "Unpaid"),
        Status::Incomplete => ("bad", "Not paid yet"),
        Status::Paused => ("plain", "Paused"),
        Status::Canceled | Status::IncompleteExpired => ("plain", "Ended"),
    };
    html! { span.tag.(class) { (word) } }
}

fn notice(done: Option<&str>) -> Markup {
    let text = match done {
        Some("card") => "Your new card will be used from now on.",
        Some("details") => "Your billing details are saved.",
        Some("canceled") => "Your plan will end with the period that is paid for.",
        Some("ended") => "Your plan has ended.",
        Some("renewed") => "Your plan will renew as before.",
        _ => return html! {},
    };
    html! { div.notice.good role="status" { h2 { "Done" } p { (text) } } }
}

fn reasons_form(reasons: &[String]) -> Markup {
    html! {
        @if !reasons.is_empty() {
            div.field {
                label for="feedback" { "Why do you cancel? (optional)" }
                select id="feedback" name="feedback" {
                    option value="" { "No answer" }
                    @for reason in reasons { option value=(reason) { (capitalized(reason)) } }
                }
            }
        }
        div.field {
            label for="comment" { "Anything to add? (optional)" }
            textarea id="comment" name="comment" rows="3" maxlength="500" {}
        }
    }
}

/// Turns `too_expensive` into "Too expensive".
fn capitalized(word: &str) -> String {
    let text = word.replace('_', " ");
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

pub fn card(portal: &Portal<'_>, form: &CardForm, problems: &[Problem]) -> Markup {
    let body = html! {
        (summary(problems))
        div.card {
            h1 { "Update your card" }
            p.soft { "It will be used for all payments from now on." }
            form method="post" action={ (portal.base) "/card" } novalidate {
                (form.render(problems))
                button.wide type="submit" { "Save card" }
            }
            (test_cards())
        }
    };
    Document { title: "Update your card", narrow: true, back: portal.back() }.render(&body)
}
