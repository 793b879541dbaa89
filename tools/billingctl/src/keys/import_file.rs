//! Parser of the file for `keys import`. It reports all invalid rows at once.

use std::collections::HashMap;
use std::fmt::Display;

use serde::Deserialize;
use shared::aws::table::Account;
use shared::values::{KeyHash, Mode, Scope, Timestamp};

use crate::values::arguments::key_name;
use crate::values::timestamp;

/// One valid row of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) hash: KeyHash,
    /// Handle or ID.
    pub(super) account: String,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
}

/// Returns the reason with its line. Reasons never quote a field that could hold a key by mistake.
pub(super) fn located(line: u64, reason: impl Display) -> String {
    format!("line {line}: {reason}")
}

/// One row before its fields are checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRow {
    hash: String,
    account: String,
    scope: String,
    prefix: String,
    #[serde(default)]
    name: Option<String>,
    created_at: String,
    #[serde(default)]
    expires_at: Option<String>,
}

/// Parses CSV or JSON lines.
///
/// # Errors
/// All problems, one per invalid row.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, Vec<String>> {
    let lines = if text.trim_start().starts_with('{') { json_lines(text) } else { csv(text) };
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (line, parsed) in lines {
        match parsed.and_then(|raw| row(line, raw)) {
            Ok(row) => rows.push(row),
            Err(reason) => problems.push(located(line, reason)),
        }
    }
    problems.extend(conflicts(&rows));
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

type Lines = Vec<(u64, Result<RawRow, String>)>;

fn json_lines(text: &str) -> Lines {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |line: &str| serde_json::from_str(line).map_err(|error| error.to_string());
    lines.map(|(number, line)| (number, read(line))).collect()
}

fn csv(text: &str) -> Lines {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let reason = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields and the header has {expected_len}")
        }
        _ => "the row is not CSV".to_owned(),
    };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return vec![(1, Err(reason(error)))],
    };
    let mut lines = Vec::new();
    for record in reader.records() {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        lines.push(match record {
            Ok(record) => {
                (line(record.position()), record.deserialize(Some(&header)).map_err(reason))
            }
            Err(error) => (line(error.position()), Err(reason(error))),
        });
    }
    lines
}

/// Returns whether the text has the form of [`shared::access::ApiKey::display_prefix`].
fn is_display_prefix(text: &str) -> bool {
    let rest = Mode::of_key(text).and_then(|mode| text.strip_prefix(mode.key_prefix()));
    rest.is_some_and(|rest| {
        rest.len() == 4 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn row(line: u64, raw: RawRow) -> Result<Row, String> {
    let empty_is_none = |text: Option<String>| text.filter(|text| !text.is_empty());
    let hash = KeyHash::parse(&raw.hash)
        .ok_or_else(|| "\"hash\" must be 64 lower-case hexadecimal digits".to_owned())?;
    if !Account::is_id(&raw.account) && !Account::is_handle(&raw.account) {
        return Err("\"account\" must be a handle or an ID (acc_…)".to_owned());
    }
    if !is_display_prefix(&raw.prefix) {
        return Err(
            "\"prefix\" must be the first 12 characters of the key, for example sk_live_Ab12"
                .to_owned(),
        );
    }
    let scope =
        raw.scope.parse().map_err(|error: shared::values::UnknownScope| error.to_string())?;
    let created_at = timestamp::parse(&raw.created_at)?;
    let expires_at =
        empty_is_none(raw.expires_at).map(|expiry| timestamp::parse(&expiry)).transpose()?;
    if expires_at.is_some_and(|expiry| expiry <= created_at) {
        return Err("\"expiresAt\" must be after \"createdAt\"".to_owned());
    }
    let name = key_name(&raw.name.unwrap_or_default())
        .map_err(|reason| format!("\"name\" is not allowed: {reason}"))?;
    Ok(Row {
        line,
        hash,
        account: raw.account,
        scope,
        name,
        prefix: raw.prefix,
        created_at,
        expires_at,
    })
}

/// Returns problems between rows: repeated hashes, and keys of two modes, because a stack has one.
fn conflicts(rows: &[Row]) -> Vec<String> {
    let (mut seen, mut problems) = (HashMap::new(), Vec::new());
    let mode = rows.first().and_then(|row| Mode::of_key(&row.prefix));
    for row in rows {
        if let Some(first) = seen.insert(&row.hash, row.line) {
            problems
                .push(located(row.line, format_args!("the row has the same hash as line {first}")));
        }
        if Mode::of_key(&row.prefix) != mode {
            problems.push(located(row.line, "the key is for another mode than the first key"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(digit: char) -> String {
        std::iter::repeat_n(digit, 64).collect()
    }

    #[test]
    fn csv_and_json_lines_give_the_same_rows() {
        let (a, b) = (hash('a'), hash('b'));
        let csv = format!(
            "hash,account,scope,name,prefix,createdAt,expiresAt\n\
             {a},acme,read,\"ci \"\"nightly\"\"\",sk_live_Ab12,2026-01-31T00:00:00Z,\n\
             {b} , acc_1 , admin,,sk_live_Cd34,2026-01-31T00:00:00Z,2027-01-31T00:00:00Z\n"
        );
        let json = format!(
            r#"{{"hash":"{a}","account":"acme","scope":"read","name":"ci \"nightly\"","prefix":"sk_live_Ab12","createdAt":"2026-01-31T00:00:00Z"}}

               {{"hash":"{b}","account":"acc_1","scope":"admin","prefix":"sk_live_Cd34","createdAt":"2026-01-31T00:00:00Z","expiresAt":"2027-01-31T00:00:00Z"}}"#
        );
        let rows = parse(&csv).expect("valid");
        assert_eq!((rows.len(), rows[0].name.as_str(), rows[0].line), (2, "ci \"nightly\"", 2));
        assert_eq!((rows[1].scope, rows[1].expires_at.is_some()), (Scope::Admin, true));
        let lines =
            |rows: Vec<Row>| rows.into_iter().map(|row| Row { line: 0, ..row }).collect::<Vec<_>>();
        assert_eq!(lines(parse(&json).expect("valid")), lines(rows));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn all_invalid_rows_are_reported_with_their_lines() {
        let valid =
            |hash: &str, prefix: &str| format!("{hash},acme,read,,{prefix},2026-01-31T00:00:00Z,");
        let (a, b) = (hash('a'), hash('b'));
        let cases = [
            (valid("sk_live_hunter2", "sk_live_Ab12"), "line 2: \"hash\""),
            (valid(&a, "sk_live_Ab123"), "line 2: \"prefix\""),
            (valid(&a, "sk_live_Ab1-"), "line 2: \"prefix\""),
            (valid(&a, "rk_live_Ab12"), "line 2: \"prefix\""),
            (valid(&a, "sk_live_Ab12").replace("acme", "Acme"), "line 2: \"account\""),
            (
                valid(&a, "sk_live_Ab12").replace("read,", "read,\"a,b\""),
                "line 2: \"name\" is not allowed",
            ),
            (valid(&a, "sk_live_Ab12").replace("read", "root"), "line 2: there is no scope"),
            (
                valid(&a, "sk_live_Ab12").replace("2026-01-31T00:00:00Z", "today"),
                "line 2: \"today\" is not a timestamp",
            ),
            (
                format!("{}2025-01-31T00:00:00Z", valid(&a, "sk_live_Ab12")),
                "line 2: \"expiresAt\" must be after",
            ),
            (format!("{},", valid(&a, "sk_live_Ab12")), "line 2: the row has 8 fields"),
            (
                format!("{0}\n{0}", valid(&a, "sk_live_Ab12")),
                "line 3: the row has the same hash as line 2",
            ),
            (
                format!("{}\n{}", valid(&a, "sk_live_Ab12"), valid(&b, "sk_test_Ab12")),
                "line 3: the key is for another mode",
            ),
        ];
        for (rows, expected) in cases {
            let text = format!("hash,account,scope,name,prefix,createdAt,expiresAt\n{rows}\n");
            let problems = parse(&text).expect_err(&rows).join("; ");
            assert!(problems.contains(expected) && !problems.contains("hunter2"), "{problems}");
        }
        for (text, expected) in [
            ("hash,scope\na,b\n", "line 2: missing field"),
            (
                "hash,account,scope,prefix,createdAt,key\na,b,c,d,e,f\n",
                "line 2: unknown field `key`",
            ),
            ("{\"hash\":1}", "line 1: invalid type"),
            ("{\n}", "line 1:"),
        ] {
            let problems = parse(text).expect_err(text).join("; ");
            assert!(problems.contains(expected), "{problems}");
        }
    }
}
