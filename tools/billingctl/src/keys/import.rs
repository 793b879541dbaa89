//! Keys of another installation, taken over by their hashes.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::json;
use shared::respond::Timestamp;
use shared::store::KeyRecord;

use super::create;
use super::rows::{Row, parse, problem};
use crate::cli::{Global, ImportKeys};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::{Table, Written};
use crate::{aws, ids};

/// How many of the things that are wrong are said.
const MOST_PROBLEMS: usize = 50;

/// `keys import`
pub(crate) async fn import(global: &Global, wanted: &ImportKeys) -> Result<()> {
    let rows = parse(&read(&wanted.file)?).map_err(|problems| refused(&problems))?;
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let peppers = aws::secrets(&sdk, "", &global.pepper_secret).peppers().await?;
    if peppers.honoured(Timestamp::now()).is_some() {
        return Err(Failure::new(
            "the pepper is being rotated, so it is not clear which one the hashes are made under; import once `billingctl secrets pepper-status` says that the old one is not honoured any more",
        ));
    }
    let mut keys = checked(&table, rows, &peppers.current.id()).await?;
    let there = keys.iter().filter(|key| key.is_there).count();
    keys.retain(|key| !key.is_there);
    let new = keys.len();
    let (said, imported) = if wanted.dry_run {
        (format!("{new} keys would be imported, {there} are there already"), 0)
    } else {
        for key in keys {
            write(&table, key).await?;
        }
        (format!("{new} keys imported, {there} were there already"), new)
    };
    let value = json!({ "imported": imported, "new": new, "alreadyThere": there });
    global.output().result(&value, said)
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let outcome = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    outcome.map_err(|error| {
        Failure::new(format!("the keys in {} could not be read: {error}", file.display()))
    })?;
    Ok(text)
}

fn refused(problems: &[String]) -> Failure {
    for problem in problems.iter().take(MOST_PROBLEMS) {
        note(problem);
    }
    let (count, first) = (problems.len(), problems.first().map_or("", String::as_str));
    Failure::new(format!("nothing was imported, {count} rows are wrong; the first: {first}"))
}

/// A key of the file that could be written.
struct Key {
    hash: String,
    record: KeyRecord,
    is_there: bool,
}

/// What the table says to each row, before anything is written.
async fn checked(table: &Table, rows: Vec<Row>, pepper: &str) -> Result<Vec<Key>> {
    let (mut accounts, mut keys, mut problems) = (HashMap::new(), Vec::new(), Vec::new());
    for row in rows {
        if !accounts.contains_key(&row.account) {
            let id = table.find_account(&row.account).await?.map(|account| account.id);
            accounts.insert(row.account.clone(), id);
        }
        let Some(Some(account)) = accounts.get(&row.account) else {
            let reason = format_args!("there is no account \"{}\"", row.account);
            problems.push(problem(row.line, reason));
            continue;
        };
        let record = KeyRecord {
            id: ids::random("key_")?,
            account: account.clone(),
            scope: row.scope,
            name: row.name,
            prefix: row.prefix,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: None,
            last_used_on: None,
            pepper: Some(pepper.to_owned()),
            rehashed: None,
        };
        let there = table.key(&row.hash).await?;
        if there.as_ref().is_some_and(|there| !is_same(there, &record)) {
            problems.push(problem(row.line, "there is another key with this hash"));
        }
        keys.push(Key { hash: row.hash, record, is_there: there.is_some() });
    }
    if problems.is_empty() { Ok(keys) } else { Err(refused(&problems)) }
}

/// Imported before. That it was revoked or rolled since does not count, and stays so.
fn is_same(there: &KeyRecord, wanted: &KeyRecord) -> bool {
    (&there.account, there.scope, &there.name, &there.prefix, there.created_at)
        == (&wanted.account, wanted.scope, &wanted.name, &wanted.prefix, wanted.created_at)
}

async fn write(table: &Table, key: Key) -> Result<()> {
    match table.write(create::parts(table, &key.hash, &key.record)?).await? {
        Written::Done => Ok(()),
        Written::Refused(_) => Err(Failure::new(
            "somebody else has imported a key or deleted an account meanwhile; run the command again, what is imported stays",
        )),
    }
}
