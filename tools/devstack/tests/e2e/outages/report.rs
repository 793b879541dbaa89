//! The suite's results in the document.

use fixtures::WrittenPart;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use devstack::functions::FUNCTIONS;

use super::cell::Row;

const OUTAGES: WrittenPart = WrittenPart {
    page: "reliability.md",
    begin: "<!-- outages: begin. Written by the test `outages`; UPDATE=1 updates it. -->\n",
    end: "<!-- outages: end -->",
};
const FIELDS: WrittenPart = WrittenPart {
    page: "reliability.md",
    begin: "<!-- fields: begin -->\n",
    end: "<!-- fields: end -->",
};

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

/// Compares the document with these rows.
pub(super) fn compare(rows: &[Row]) {
    println!("    {} cells", rows.len());
    OUTAGES.check(&format!("{}\n", render(rows)));
}

/// Compares the document with the rows of fields. A sample must be a part of the document's list.
pub(super) fn compare_fields(rows: &BTreeSet<String>, is_whole: bool) {
    let seen: Vec<_> = rows.iter().map(String::as_str).chain([""]).collect();
    let seen = seen.join("\n");
    if is_whole {
        return FIELDS.check(&format!("{FIELDS_HEAD}{seen}"));
    }
    let shown = FIELDS.shown();
    let unknown: Vec<_> = seen.lines().filter(|row| !shown.contains(*row)).collect();
    assert!(unknown.is_empty(), "missing fields change responses:\n{}", unknown.join("\n"));
}

const FIELDS_HEAD: &str = "| endpoint | without | response |\n|---|---|---|\n";
