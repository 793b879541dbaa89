//! A file of hashed keys, as `keys import` reads it: all of it is looked at before it is believed.

use std::collections::HashMap;
use std::fmt::Display;

use serde::Deserialize;
use shared::Account;
use shared::auth::{ApiKey, KeyHash, Mode, Scope};
use shared::respond::Timestamp;

use crate::moment;

/// One key of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) hash: String,
    /// A handle or an id.
    pub(super) account: String,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
}

/// What is wrong with a line. It quotes nothing that could be a key by mistake.
pub(super) fn problem(line: u64, reason: impl Display) -> String {
    format!("line {line}: {reason}")
}

/// As it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
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

/// Every row, or everything that is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, Vec<String>> {
    let lines = if text.trim_start().starts_with('{') { json_lines(text) } else { csv(text) };
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (line, read) in lines {
        match read.and_then(|text| row(line, text)) {
            Ok(row) => rows.push(row),
            Err(reason) => problems.push(problem(line, reason)),
        }
    }
    problems.extend(repeated(&rows));
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

type Lines = Vec<(u64, Result<Text, String>)>;

fn json_lines(text: &str) -> Lines {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |line: &str| serde_json::from_str(line).map_err(|error| error.to_string());
    lines.map(|(number, line)| (number, read(line))).collect()
}

fn csv(text: &str) -> Lines {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let words = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the header has {expected_len}")
        }
        _ => "it is no CSV".to_owned(),
    };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return vec![(1, Err(words(error)))],
    };
    let mut lines = Vec::new();
    for record in reader.records() {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        lines.push(match record {
            Ok(record) => {
                (line(record.position()), record.deserialize(Some(&header)).map_err(words))
            }
            Err(error) => (line(error.position()), Err(words(error))),
        });
    }
    lines
}

fn row(line: u64, text: Text) -> Result<Row, String> {
    let empty_is_none = |text: Option<String>| text.filter(|text| !text.is_empty());
    if !KeyHash::is_hash(&text.hash) {
        return Err("\"hash\" has to be 64 lower-case hexadecimal digits".to_owned());
    }
    if !Account::is_id(&text.account) && !Account::is_handle(&text.account) {
        return Err("\"account\" has to be a handle, or an id (acc_…)".to_owned());
    }
    if !ApiKey::is_display_prefix(&text.prefix) {
        return Err(
            "\"prefix\" has to be the key's first 12 characters, such as sk_live_Ab12".to_owned()
        );
    }
    let scope =
        text.scope.parse().map_err(|error: shared::auth::UnknownScope| error.to_string())?;
    let created_at = moment::parse(&text.created_at)?;
    let expires_at = empty_is_none(text.expires_at).map(|end| moment::parse(&end)).transpose()?;
    if expires_at.is_some_and(|end| end <= created_at) {
        return Err("it expires before it was created".to_owned());
    }
    Ok(Row {
        line,
        hash: text.hash,
        account: text.account,
        scope,
        name: text.name.unwrap_or_default(),
        prefix: text.prefix,
        created_at,
        expires_at,
    })
}

/// One hash twice, or keys of two modes: a stack has one.
fn repeated(rows: &[Row]) -> Vec<String> {
    let (mut seen, mut problems) = (HashMap::new(), Vec::new());
    let mode = rows.first().and_then(|row| Mode::of_key(&row.prefix));
    for row in rows {
        if let Some(first) = seen.insert(row.hash.as_str(), row.line) {
            problems.push(problem(row.line, format_args!("its hash is that of line {first} too")));
        }
        if Mode::of_key(&row.prefix) != mode {
            problems.push(problem(row.line, "it is for another mode than the first key"));
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
    fn both_forms_say_the_same() {
        let (a, b) = (hash('a'), hash('b'));
        let csv = format!(
            "hash,account,scope,name,prefix,createdAt,expiresAt\n\
             {a},acme,read,\"ci, nightly\",sk_live_Ab12,2026-01-31T00:00:00Z,\n\
             {b} , acc_1 , admin,,sk_live_Cd34,2026-01-31T00:00:00Z,2027-01-31T00:00:00Z\n"
        );
        let json = format!(
            r#"{{"hash":"{a}","account":"acme","scope":"read","name":"ci, nightly","prefix":"sk_live_Ab12","createdAt":"2026-01-31T00:00:00Z"}}

               {{"hash":"{b}","account":"acc_1","scope":"admin","prefix":"sk_live_Cd34","createdAt":"2026-01-31T00:00:00Z","expiresAt":"2027-01-31T00:00:00Z"}}"#
        );
        let rows = parse(&csv).expect("good");
        assert_eq!((rows.len(), rows[0].name.as_str(), rows[0].line), (2, "ci, nightly", 2));
        assert_eq!((rows[1].scope, rows[1].expires_at.is_some()), (Scope::Admin, true));
        let lines =
            |rows: Vec<Row>| rows.into_iter().map(|row| Row { line: 0, ..row }).collect::<Vec<_>>();
        assert_eq!(lines(parse(&json).expect("good")), lines(rows));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_line() {
        let good =
            |hash: &str, prefix: &str| format!("{hash},acme,read,,{prefix},2026-01-31T00:00:00Z,");
        let (a, b) = (hash('a'), hash('b'));
        let cases = [
            (good("sk_live_hunter2", "sk_live_Ab12"), "line 2: \"hash\""),
            (good(&a, "sk_live_Ab123"), "line 2: \"prefix\""),
            (good(&a, "sk_live_Ab12").replace("acme", "Acme"), "line 2: \"account\""),
            (good(&a, "sk_live_Ab12").replace("read", "root"), "line 2: there is no scope"),
            (
                good(&a, "sk_live_Ab12").replace("2026-01-31T00:00:00Z", "today"),
                "line 2: \"today\" is no moment",
            ),
            (
                format!("{}2025-01-31T00:00:00Z", good(&a, "sk_live_Ab12")),
                "line 2: it expires before",
            ),
            (format!("{},", good(&a, "sk_live_Ab12")), "line 2: it has 8 fields"),
            (format!("{0}\n{0}", good(&a, "sk_live_Ab12")), "line 3: its hash is that of line 2"),
            (
                format!("{}\n{}", good(&a, "sk_live_Ab12"), good(&b, "sk_test_Ab12")),
                "line 3: it is for another mode",
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
