//! The rows in the document.

use fixtures::WrittenPart;
use std::fmt::Write as _;

use super::row::Row;

const TABLES: WrittenPart = WrittenPart {
    page: "states.md",
    begin: "<!-- states: begin. Written by the test `state_table`; UPDATE=1 updates it. -->\n",
    end: "<!-- states: end -->",
};

/// Compares the page with these rows.
pub(super) fn compare(rows: &[Row]) {
    println!("    {} states", rows.len());
    let mut text = String::new();
    for (heading, columns, cells) in TABLES_OF_PAGE {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n### {heading}\n\n| state | {} |", columns.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
        let mut group = "";
        for row in rows {
            if row.group != group {
                group = row.group;
                let _ = writeln!(text, "| **{group}** |{}", " |".repeat(columns.len()));
            }
            let _ = writeln!(text, "| {} | {} |", row.name, cells(row).join(" | "));
        }
    }
    TABLES.check(&format!("{text}\n"));
}

/// A table: heading, columns, and the cells of a row.
type Table = (&'static str, &'static [&'static str], fn(&Row) -> &[String]);

const TABLES_OF_PAGE: [Table; 3] = [
    (
        "Plan and next charge: GET summary",
        &[
            "`plan`",
            "`status`",
            "`estimate.status`",
            "`nextChargeAt`",
            "`pendingChange.reason`",
            "`warnings`",
        ],
        |row| &row.summary,
    ),
    (
        "Debts: GET dunning and GET invoices",
        &[
            "`state`",
            "`amountDue`",
            "`processing`",
            "`recovery.action`",
            "`deployBlocked`",
            "newest invoice: `status`, `payment`",
        ],
        |row| &row.dunning,
    ),
    (
        "Capabilities and calls: GET info and the POST endpoints",
        &[
            "`capabilities`",
            "checkout-session",
            "portal-session",
            "portal-session, `subscription_cancel`",
            "plan-change/preview",
            "plan-change",
        ],
        |row| &row.calls,
    ),
];
