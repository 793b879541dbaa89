//! What the suite has seen, as the document shows it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use devstack::functions::FUNCTIONS;

use super::cell::Row;

const BEGIN: &str =
    "<!-- outages: begin. Written by the test `outages`; UPDATE=1 writes it anew. -->\n";
const END: &str = "<!-- outages: end -->";

/// One table for each endpoint.
fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    for function in FUNCTIONS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n### {} {}\n", function.method, function.path);
        text.push_str("| fault | answer | `Retry-After` | tries at Stripe | at DynamoDB | left at Stripe | the request again |\n");
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
                row.answer,
                row.retry_after,
                row.stripe,
                row.dynamo,
                row.left,
                row.again
            );
        }
    }
    text
}

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}

/// What stands between two marks of the document.
fn between(text: &str, begin: &str, end: &str) -> String {
    let (_, rest) = text.split_once(begin).expect("where it begins");
    rest.split_once(end).expect("where it ends").0.to_owned()
}

/// The document holds this very text between the marks, or is made to.
fn hold(begin: &str, end: &str, seen: &str) {
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
    panic!(
        "docs/reliability.md does not say what was seen (UPDATE=1 writes it anew):\n{}",
        other.join("\n")
    );
}

/// The document holds these very rows.
pub(super) fn compare(rows: &[Row]) {
    println!("    {} cells", rows.len());
    hold(BEGIN, END, &format!("{}\n", render(rows)));
}

/// The same for the fields whose absence makes another answer. A sample of them has to be in the list.
pub(super) fn compare_fields(rows: &BTreeSet<String>, is_whole: bool) {
    let (begin, end) = ("<!-- fields: begin -->\n", "<!-- fields: end -->");
    let seen: Vec<_> = rows.iter().map(String::as_str).chain([""]).collect();
    let seen = seen.join("\n");
    if is_whole {
        return hold(begin, end, &format!("{FIELDS}{seen}"));
    }
    let text = std::fs::read_to_string(document()).expect("the document");
    let shown = between(&text, begin, end);
    let unknown: Vec<_> = seen.lines().filter(|row| !shown.contains(*row)).collect();
    assert!(unknown.is_empty(), "answers without a field that was read:\n{}", unknown.join("\n"));
}

const FIELDS: &str = "| endpoint | without | answer |\n|---|---|---|\n";
