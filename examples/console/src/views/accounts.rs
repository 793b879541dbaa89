//! List of the accounts by state.

use maud::{Markup, html};

use super::layout::Page;
use super::parts::{Tone, account_url, tag};
use super::text::{money, sentence};
use super::{clock, failure, problem};
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
    let failures = entries.iter().map(|entry| entry.summary.as_ref().err());
    if let Some(reason) = Failure::no_response(failures) {
        return problem::api_down(reason);
    }
    let body = html! {
        h1 { "Accounts" }
        p.lead { "The accounts of the local stack, by state. Choose one to see its billing as its customer would." }
        @for entry in entries { (failed(entry)) }
        div.card { (table(entries)) }
        (clock::all(has_sandbox))
    };
    Page::new("Accounts", body).narrow()
}

fn failed(entry: &Entry) -> Markup {
    let failures = [entry.summary.as_ref().err(), entry.dunning.as_ref().err()];
    let first = failures.into_iter().flatten().next();
    html! { @if let Some(failure) = first { (failure::part(&entry.account.name, failure)) } }
}

fn table(entries: &[Entry]) -> Markup {
    let of = |group| entries.iter().filter(move |entry| entry.group() == group);
    html! {
        table.accounts {
            caption.hidden { "Accounts by state" }
            thead {
                tr {
                    th scope="col" { "Account" }
                    th scope="col" { "Status" }
                    th.amount scope="col" { "Next invoice" }
                }
            }
            @for (group, title) in GROUPS {
                @if of(group).next().is_some() {
                    tbody {
                        tr.group {
                            th colspan="3" scope="rowgroup" { (title) " " span.soft { (of(group).count()) } }
                        }
                        @for entry in of(group) { (row(entry)) }
                    }
                }
            }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let name = &entry.account.name;
    html! {
        tr {
            th scope="row" {
                a href=(account_url(name)) { (name) }
                div.small.soft {
                    @if let Ok(summary) = &entry.summary {
                        (summary.plan.as_deref().unwrap_or("not in the catalogue"))
                    }
                    @if let Some(parent) = entry.parent { ", sub-account of " (parent) }
                }
            }
            td {
                @if let Ok(summary) = &entry.summary {
                    (tag(&sentence(&summary.status), status_tone(&summary.status)))
                }
            }
            td.amount {
                @match entry.summary.as_ref().map(|summary| summary.estimate.as_ref()) {
                    Ok(Some(estimate)) => (money(&estimate.amount, &estimate.currency)),
                    _ => span.soft { "none" },
                }
                @if let Ok(dunning) = &entry.dunning {
                    @for sum in &dunning.overdue {
                        div.small.alarm { (money(&sum.amount, &sum.currency)) " overdue" }
                    }
                }
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
