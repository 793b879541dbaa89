//! `keys import`

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use shared::aws::table::KeyRecord;
use shared::values::KeyHash;

use super::import_file::{Row, located, parse};
use super::record;
use crate::aws::config;
use crate::aws::table::{Outcome, Table};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::id;

/// Number of problems that the command prints.
const MAX_PROBLEMS: usize = 50;

/// Import API keys of another installation by their hashes
///
///   billingctl keys import keys.csv
///   billingctl keys import keys.jsonl --dry-run
///   export-keys | billingctl keys import -
///
/// The file is CSV with a header, or has a JSON object per line. The fields:
///
///   hash       SHA-256 of the whole key text (sk_live_…) as 64 lower-case hexadecimal digits
///   account    handle or ID of an account of this stack
///   scope      read, deploy or admin
///   prefix     first 12 characters of the key, for example sk_live_Ab12
///   name       optional; at most 100 characters, without commas
///   createdAt  for example 2026-01-31T00:00:00Z
///   expiresAt  the same format; empty or absent if the key does not expire
///
/// Only keys in the format of this API can work: sk_live_ or sk_test_, 32 characters, a checksum of 6.
/// The whole file is checked before anything is written, and importing a file again changes nothing.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ImportArgs {
    /// File to read, or - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check the file and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `keys import`.
pub(super) async fn run(options: &GlobalOptions, args: &ImportArgs) -> Result<()> {
    let rows = parse(&read(&args.file)?).map_err(|problems| rejected(&problems))?;
    let table = Table::new(&config::load(options).await?, options);
    let mut keys = check(&table, rows).await?;
    let existing = keys.iter().filter(|key| key.exists).count();
    keys.retain(|key| !key.exists);
    let new = keys.len();
    let (text, imported) = if args.dry_run {
        (format!("{new} keys would be imported, {existing} exist already"), 0)
    } else {
        for key in keys {
            write(&table, key).await?;
        }
        (format!("{new} keys imported, {existing} existed already"), new)
    };
    let value = json!({ "imported": imported, "new": new, "alreadyThere": existing });
    options.output().result(&value, text)
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let outcome = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    outcome.map_err(|error| {
        CliError::new(format!("the keys in {} could not be read: {error}", file.display()))
    })?;
    Ok(text)
}

fn rejected(problems: &[String]) -> CliError {
    for problem in problems.iter().take(MAX_PROBLEMS) {
        note(problem);
    }
    let (count, first) = (problems.len(), problems.first().map_or("", String::as_str));
    CliError::new(format!(
        "nothing was imported because {count} rows are invalid; fix them and run the command again. The first: {first}"
    ))
}

/// A key of the file.
struct ImportedKey {
    hash: KeyHash,
    record: KeyRecord,
    exists: bool,
}

/// Checks all rows against the table.
///
/// # Errors
/// If an account does not exist, or if another key has the same hash.
async fn check(table: &Table, rows: Vec<Row>) -> Result<Vec<ImportedKey>> {
    let (mut accounts, mut keys, mut problems) = (HashMap::new(), Vec::new(), Vec::new());
    for row in rows {
        if !accounts.contains_key(&row.account) {
            let id = table.find_account(&row.account).await?.map(|account| account.id);
            accounts.insert(row.account.clone(), id);
        }
        let Some(Some(account)) = accounts.get(&row.account) else {
            let reason = format_args!("there is no account \"{}\"", row.account);
            problems.push(located(row.line, reason));
            continue;
        };
        let record = KeyRecord {
            id: id::random("key_")?,
            account: account.clone(),
            scope: row.scope,
            name: row.name,
            prefix: row.prefix,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: None,
            last_used_on: None,
        };
        let existing = table.key(row.hash.as_str()).await?;
        if existing.as_ref().is_some_and(|existing| !is_same(existing, &record)) {
            problems.push(located(row.line, "another key has this hash"));
        }
        keys.push(ImportedKey { hash: row.hash, record, exists: existing.is_some() });
    }
    if problems.is_empty() { Ok(keys) } else { Err(rejected(&problems)) }
}

/// Returns whether the existing key was imported from the same row. A later revocation or roll stays.
fn is_same(existing: &KeyRecord, row: &KeyRecord) -> bool {
    (&existing.account, existing.scope, &existing.name, &existing.prefix, existing.created_at)
        == (&row.account, row.scope, &row.name, &row.prefix, row.created_at)
}

async fn write(table: &Table, key: ImportedKey) -> Result<()> {
    match table.transact(record::insert(table, &key.hash, &key.record)?).await? {
        Outcome::Written => Ok(()),
        Outcome::ConditionFailed(_) => Err(CliError::new(
            "another command imported a key or deleted an account; run the command again, imported keys stay",
        )),
    }
}
