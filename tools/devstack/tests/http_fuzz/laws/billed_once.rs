//! Usage and one-off items are billed exactly once, whatever was dropped and restored.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::actions::METERS;
use crate::laws::Violations;
use crate::round::Outcome;
use crate::truth::{Truth, text};

/// Line of an invoice.
struct Line<'a> {
    line: &'a Value,
    is_void: bool,
}

/// All lines, and how to find those that a restored item replaces.
struct Lines<'a> {
    all: Vec<Line<'a>>,
    by_id: HashMap<&'a str, &'a Value>,
    items: HashMap<&'a str, &'a Value>,
}

impl<'a> Lines<'a> {
    fn of(truth: &'a Truth) -> Self {
        let all: Vec<_> = truth
            .invoices()
            .flat_map(|invoice| {
                let is_void = invoice["status"] == "void";
                let lines = invoice["lines"].as_array().expect("a list").iter();
                lines.map(move |line| Line { line, is_void })
            })
            .collect();
        let by_id = all.iter().map(|one| (text(&one.line["id"]), one.line)).collect();
        let items = truth.list("items").iter().map(|item| (text(&item["id"]), item)).collect();
        Self { all, by_id, items }
    }

    /// Returns the invoice item that a line bills.
    fn item(&self, line: &Value) -> Option<&'a Value> {
        let parent = &line["parent"];
        let item = ["invoice_item_details", "subscription_item_details"]
            .into_iter()
            .find_map(|kind| parent[kind]["invoice_item"].as_str())?;
        self.items.get(item).copied()
    }

    /// Returns the line that a line restores, or the line itself. A restored item names its line in its metadata.
    fn origin(&self, line: &'a Value) -> &'a Value {
        let mut origin = line;
        while let Some(earlier) = self.restored(origin) {
            origin = earlier;
        }
        origin
    }

    fn restored(&self, line: &Value) -> Option<&'a Value> {
        self.restored_by(self.item(line)?)
    }

    /// Returns the line that an item restores.
    fn restored_by(&self, item: &Value) -> Option<&'a Value> {
        let metadata = item["metadata"].as_object()?;
        metadata.values().find_map(|value| self.by_id.get(value.as_str()?).copied())
    }
}

/// Returns the meter whose usage a line bills.
fn meter<'a>(line: &Value, meters: &'a HashMap<String, String>) -> Option<&'a str> {
    let price = text(&line["pricing"]["price_details"]["price"]);
    meters.get(price).map(String::as_str)
}

fn quantity(line: &Value) -> i64 {
    line["quantity"].as_i64().unwrap_or_default()
}

pub fn check(outcome: &Outcome, violations: &mut Violations) {
    let truth = &outcome.renewed;
    if truth.live().is_empty() {
        return;
    }
    let lines = Lines::of(truth);
    check_usage(outcome, &lines, violations);
    check_items(truth, &lines, violations);
}

/// Checks that the quantities on the invoices add up to the reported usage.
fn check_usage(outcome: &Outcome, lines: &Lines<'_>, violations: &mut Violations) {
    let meters = &*outcome.meters;
    let (mut billed, mut skipped) = (BTreeMap::<&str, i64>::new(), BTreeMap::<&str, i64>::new());
    let mut restored = HashSet::new();
    for Line { line, is_void } in &lines.all {
        let origin = lines.origin(line);
        if !is_void && let Some(meter) = meter(origin, meters) {
            *billed.entry(meter).or_default() += quantity(origin);
            restored.insert(text(&origin["id"]));
        }
    }
    for Line { line, is_void } in &lines.all {
        // An allowance that was used on an invoice that is void now is not restored.
        let is_free = *is_void && line["amount"] == 0 && !restored.contains(text(&line["id"]));
        if is_free && let Some(meter) = meter(line, meters) {
            *skipped.entry(meter).or_default() += quantity(line);
        }
    }
    let mut used = BTreeMap::<&str, i64>::new();
    for (meter, value) in outcome.record.usage() {
        *used.entry(meter).or_default() += value;
    }
    for meter in METERS {
        let of = |all: &BTreeMap<&str, i64>| all.get(meter).copied().unwrap_or_default();
        let (used, billed, skipped) = (of(&used), of(&billed), of(&skipped));
        if billed > used || used > billed + skipped {
            let text =
                format!("{meter}: used {used}, billed {billed}, not restored since free {skipped}");
            violations.add("usage is billed once", text);
        }
    }
}

/// Checks that every one-off item is on one invoice.
fn check_items(truth: &Truth, lines: &Lines<'_>, violations: &mut Violations) {
    // A restored item may have its predecessor's metadata.
    let own = truth
        .list("items")
        .iter()
        .filter(|item| item["metadata"]["fuzz"] == "one-off" && lines.restored_by(item).is_none());
    for item in own {
        let bills = |line: &&Line<'_>| {
            let origin = lines.origin(line.line);
            !line.is_void && lines.item(origin).is_some_and(|of| of["id"] == item["id"])
        };
        let amounts: Vec<_> =
            lines.all.iter().filter(bills).map(|one| &one.line["amount"]).collect();
        if amounts != [&item["amount"]] {
            let text = format!("{} of {} is billed as {amounts:?}", item["id"], item["amount"]);
            violations.add("items are billed once", text);
        }
    }
}
