//! The suite's results in the document.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use devstack::functions::FUNCTIONS;

use super::cell::Row;

const BEGIN: &str =
    "<!-- outages: begin. Written by the test `outages`; UPDATE=1 updates it. -->\n";
const END: &str = "<!-- outages: end -->";

/// Formats one table for each endpoint.
fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    for function in FUNCTIONS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n### {} {}\n", function.method, function.path);
        text.push_str("| fault | response | `Retry-After` | attempts at Stripe | at DynamoDB | effects at Stripe | retry |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        let mut group = "";
        for row in rows.iter().filter(|row| row.endpoint == function.name) {
            if row.fault.group != group {
                group = row.fault.group;
                let _ = writeln!(text, "| **{group}** | | | | | | |");
            }
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.fault.name,
                row.response,
                row.retry_after,
                row.stripe_attempts,
                row.dynamo_attempts,
                row.effects,
                row.retry
            );
        }
    }
    text
}

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}

/// Returns the text between two marks of the document.
fn between(text: &str, begin: &str, end: &str) -> String {
    let (_, rest) = text.split_once(begin).expect("the begin mark");
    rest.split_once(end).expect("the end mark").0.to_owned()
}

/// Asserts that the document has this text between the marks, or updates it.
fn check(begin: &str, end: &str, seen: &str) {
    let text = std::fs::read_to_string(document()).expect("the document");
    let shown = between(&text, begin, end);
    if shown == seen {
        return;
    }
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        let whole = text.replace(&format!("{begin}{shown}{end}"), &format!("{begin}{seen}{end}"));
        return std::fs::write(document(), whole).expect("the document can be written");
    }
    let shown: Vec<_> = shown.lines().collect();
    let other = seen.lines().filter(|line| !line.is_empty() && !shown.contains(line));
    let other: Vec<_> = other.collect();
    panic!("docs/reliability.md lacks these results (UPDATE=1 updates it):\n{}", other.join("\n"));
}

/// Compares the document with these rows.
pub(super) fn compare(rows: &[Row]) {
    println!("    {} cells", rows.len());
    check(BEGIN, END, &format!("{}\n", render(rows)));
}

/// Compares the document with the rows of fields. A sample must be a part of the document's list.
pub(super) fn compare_fields(rows: &BTreeSet<String>, is_whole: bool) {
    let (begin, end) = ("<!-- fields: begin -->\n", "<!-- fields: end -->");
    let seen: Vec<_> = rows.iter().map(String::as_str).chain([""]).collect();
    let seen = seen.join("\n");
    if is_whole {
        return check(begin, end, &format!("{FIELDS}{seen}"));
    }
    let text = std::fs::read_to_string(document()).expect("the document");
    let shown = between(&text, begin, end);
    let unknown: Vec<_> = seen.lines().filter(|row| !shown.contains(*row)).collect();
    assert!(unknown.is_empty(), "missing fields change responses:\n{}", unknown.join("\n"));
}

const FIELDS: &str = "| endpoint | without | response |\n|---|---|---|\n";
