//! Report of a round that has broken an invariant, and the summary of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::laws::Violations;
use crate::record::{Exchange, Kind};
use crate::round::Outcome;

/// Longest part of a response that is printed.
const SHOWN: usize = 700;

/// Counts of a run.
#[derive(Default)]
pub struct Summary {
    pub rounds: u64,
    responses: BTreeMap<String, u64>,
    /// Number of facts that the laws compared, which tells whether a run could find anything.
    compared: BTreeMap<&'static str, usize>,
    /// Rounds that have broken an invariant, by its name.
    broken: BTreeMap<&'static str, u64>,
    pub violated: u64,
}

impl Summary {
    /// Counts a round, and returns whether an invariant is broken for the first time.
    pub fn add(&mut self, outcome: &Outcome, violations: &Violations) -> bool {
        self.rounds += 1;
        for exchange in outcome.record.exchanges() {
            *self.responses.entry(result(&exchange)).or_default() += 1;
        }
        for (name, count) in compared(outcome) {
            *self.compared.entry(name).or_default() += count;
        }
        let laws: BTreeSet<_> = violations.0.iter().map(|violation| violation.law).collect();
        self.violated += u64::from(!laws.is_empty());
        let mut is_new = false;
        for law in laws {
            let count = self.broken.entry(law).or_default();
            *count += 1;
            is_new |= *count == 1;
        }
        is_new
    }

    pub fn print(&self, time: Duration) {
        println!(
            "{} rounds in {} s, {} with a violation",
            self.rounds,
            time.as_secs(),
            self.violated
        );
        for (law, count) in &self.broken {
            println!("  broken in {count} rounds: {law}");
        }
        for (name, count) in &self.compared {
            println!("  {count:6} {name}");
        }
        for (response, count) in &self.responses {
            println!("  {count:6} {response}");
        }
    }
}

/// Returns the numbers of facts that the laws compared in a round.
fn compared(outcome: &Outcome) -> [(&'static str, usize); 6] {
    let exchanges = outcome.record.exchanges();
    let is_quoted = |one: &&Exchange| matches!(one.kind, Kind::Change { shown: Some(_), .. });
    let applied = exchanges.iter().filter(is_quoted).filter(|one| one.status() == 200);
    let items = outcome.renewed.list("items").iter();
    let (restored, others): (Vec<_>, Vec<_>) =
        items.partition(|item| !item["metadata"]["cantila_line"].is_null());
    let own = others.iter().filter(|item| item["metadata"]["fuzz"] == "one-off");
    let void = outcome.renewed.invoices().filter(|invoice| invoice["status"] == "void");
    let replayed = exchanges.iter().filter(|one| {
        one.response
            .as_ref()
            .is_some_and(|response| response.header("idempotent-replayed") == "true")
    });
    [
        ("responses to quoted changes that were applied", applied.count()),
        ("replayed responses", replayed.count()),
        ("meter events", outcome.record.usage().len()),
        ("one-off items", own.count()),
        ("restored lines", restored.len()),
        ("void invoices", void.count()),
    ]
}

/// Returns route, status and error of a response.
fn result(exchange: &Exchange) -> String {
    let route = exchange.kind.path().rsplit("/billing/").next().unwrap_or_default();
    let (status, body) = (exchange.status(), exchange.json());
    let reason = body["details"]["reason"].as_str().map(|reason| format!(" ({reason})"));
    format!("{route} {status} {}{}", exchange.error(), reason.unwrap_or_default())
}

/// Prints everything that explains the violations: the round, its requests and responses, and Stripe's log.
pub fn print(repeat: &str, outcome: &Outcome, violations: &Violations, log: &[String]) {
    let account = &outcome.account;
    println!("\n=== {repeat}");
    println!(
        "account {} ({}), customer {}, plan {:?}",
        account.handle, account.id, account.customer, outcome.plan
    );
    println!("--- requests and responses");
    for line in history(outcome) {
        println!("{line}");
    }
    println!("--- Stripe's log: time, method, path, status, key, idempotency key, fault, message");
    for line in log {
        println!("{line}");
    }
    println!("--- violations");
    for violation in &violations.0 {
        println!("{}: {}", violation.law, violation.text);
    }
    println!("=== {repeat}\n");
}

/// Returns the round's events in the order in which they ended.
fn history(outcome: &Outcome) -> Vec<String> {
    let exchanges =
        outcome.record.exchanges().into_iter().map(|exchange| (exchange.ended, line(&exchange)));
    let notes = outcome
        .record
        .notes()
        .into_iter()
        .map(|(at, text)| (at, format!("{:>6}       {text}", at.as_millis())));
    let mut lines: Vec<_> = exchanges.chain(notes).collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(exchange: &Exchange) -> String {
    let mut body = exchange.kind.body();
    if let Kind::Change { shown: Some(shown), .. } = &exchange.kind {
        body["quote"] = format!("of {} {}", shown["prorationAmount"], shown["breakdown"]).into();
    }
    let key = exchange.key.as_deref().unwrap_or("-");
    let (sent, ended) = (exchange.sent.as_millis(), exchange.ended.as_millis());
    let mut response = exchange.json().to_string();
    response.truncate(response.floor_char_boundary(SHOWN));
    let replayed =
        exchange.response.as_ref().map(|response| response.header("idempotent-replayed"));
    let replayed = if replayed == Some("true") { " replayed" } else { "" };
    format!(
        "{sent:>6}–{ended:<6} client {} {} {body} key {key}\n              {}{replayed} {response}",
        exchange.client,
        exchange.kind.path(),
        exchange.status()
    )
}
