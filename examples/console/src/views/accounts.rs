//! List of the accounts by state.

use maud::{Markup, html};

use super::layout::{Page, Tone, account_url, scroll, tag};
use super::text::{money, sentence};
use super::{clock, failure};
use crate::api::{Dunning, Failure, Summary};
use crate::stack::Account;

/// Account with its plan and payment state.
pub struct Entry<'a> {
    pub account: &'a Account,
    pub parent: Option<&'a str>,
    pub summary: Result<Summary, Failure>,
    pub dunning: Result<Dunning, Failure>,
}

/// Groups of accounts, those that need attention first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Failed,
    Suspended,
    PastDue,
    Active,
    None,
    Canceled,
}

const GROUPS: [(Group, &str); 6] = [
    (Group::Failed, "No response"),
    (Group::Suspended, "Suspended"),
    (Group::PastDue, "Past due"),
    (Group::Active, "Active"),
    (Group::None, "Never subscribed"),
    (Group::Canceled, "Canceled"),
];

impl Entry<'_> {
    fn group(&self) -> Group {
        let (Ok(summary), Ok(dunning)) = (&self.summary, &self.dunning) else {
            return Group::Failed;
        };
        match (dunning.state.as_str(), summary.status.as_str()) {
            ("suspended", _) => Group::Suspended,
            ("past_due", _) => Group::PastDue,
            ("canceled", _) => Group::Canceled,
            (_, "none") => Group::None,
            _ => Group::Active,
        }
    }
}

pub fn page(entries: &[Entry], has_sandbox: bool) -> Page {
    let of = |group| entries.iter().filter(move |entry| entry.group() == group);
    let body = html! {
        h1 { "Accounts" }
        p.lead { "The accounts of the local stack, by state. Choose one to see its billing as its customer would." }
        @for (group, title) in GROUPS {
            @if of(group).next().is_some() {
                section.card {
                    h2 { (title) " " span.soft { (of(group).count()) } }
                    @if group == Group::Failed {
                        @for entry in of(group) { (failed(entry)) }
                    } @else {
                        (scroll(title, &table(title, of(group))))
                    }
                }
            }
        }
        (clock::all(has_sandbox))
    };
    Page::new("Accounts", body)
}

fn failed(entry: &Entry) -> Markup {
    let name = &entry.account.name;
    let failures = [entry.summary.as_ref().err(), entry.dunning.as_ref().err()];
    html! {
        h3 { a href=(account_url(name)) { (name) } }
        @if let Some(failure) = failures.into_iter().flatten().next() { (failure::part(name, failure)) }
    }
}

fn table<'a>(title: &str, entries: impl Iterator<Item = &'a Entry<'a>>) -> Markup {
    html! {
        table.accounts {
            caption.hidden { (title) }
            thead {
                tr {
                    th scope="col" { "Account" }
                    th scope="col" { "Plan" }
                    th scope="col" { "Status" }
                    th.amount scope="col" { "Next invoice" }
                    th.amount scope="col" { "Overdue" }
                }
            }
            tbody {
                @for entry in entries {
                    @if let (Ok(summary), Ok(dunning)) = (&entry.summary, &entry.dunning) {
                        (row(entry, summary, dunning))
                    }
                }
            }
        }
    }
}

fn row(entry: &Entry, summary: &Summary, dunning: &Dunning) -> Markup {
    let Account { name, .. } = entry.account;
    html! {
        tr {
            th scope="row" {
                a href=(account_url(name)) { (name) }
                @if let Some(parent) = entry.parent { div.small.soft { "sub-account of " (parent) } }
            }
            td { (summary.plan.as_deref().unwrap_or("not in the catalogue")) }
            td { (tag(&sentence(&summary.status), status_tone(&summary.status))) }
            td.amount {
                @if let Some(estimate) = &summary.estimate { (money(&estimate.amount, &estimate.currency)) }
                @else { span.soft { "none" } }
            }
            td.amount {
                @if dunning.overdue.is_empty() { span.soft { "none" } }
                @for sum in &dunning.overdue { div { (money(&sum.amount, &sum.currency)) } }
            }
        }
    }
}

/// Color of a subscription's status.
pub fn status_tone(status: &str) -> Tone {
    match status {
        "active" | "trialing" => Tone::Good,
        "past_due" | "incomplete" | "paused" => Tone::Warn,
        "unpaid" => Tone::Bad,
        _ => Tone::Plain,
    }
}
