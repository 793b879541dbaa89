//! The end of a rotation: every key is stored under the new pepper, and the old one is let go.

use std::time::Duration;

use serde_json::json;
use shared::respond::Timestamp;
use shared::secrets::Peppers;
use shared::store::{Item, KeyRecord, keys};

use super::{pepper, status};
use crate::cli::{FinishPepper, Global};
use crate::error::{Failure, Result};
use crate::keys::mark_revoked;
use crate::output::note;
use crate::table::{HASH, Table, Written, key_entry_attributes};
use crate::{aws, moment};

/// For how long quotes and page cursors that were made before are still good, in seconds: a quote's 15
/// minutes, and the minute in which a process that has not heard of the rotation may still make one.
const TOKENS_LAST: i64 = 20 * 60;

/// How often what has changed meanwhile is looked at again.
const ROUNDS: u32 = 5;

/// Keys that a refusal names; the status names all.
const MOST_NAMED: usize = 10;

/// `secrets finish-pepper`
pub(crate) async fn finish_pepper(global: &Global, wanted: &FinishPepper) -> Result<()> {
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let peppers = pepper::read(&sdk, global).await?;
    let Some(previous) = &peppers.previous else {
        return Err(Failure::new(
            "the pepper is not being rotated, so there is nothing to finish; `billingctl secrets rotate pepper` begins it",
        ));
    };
    let wait = previous.settled_in(Timestamp::now());
    if wait > 0 {
        // A process that does not know of the rotation would not find a key that was moved.
        note(format_args!("waiting {wait} s, until every function can know the new pepper"));
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    let (moved, left) = move_all(&table, &peppers).await?;
    note(format_args!("{moved} keys moved to the new pepper"));
    let unused = left.len();
    if unused > wanted.drop_unused.unwrap_or_default() {
        return Err(would_be_lost(&left));
    }
    for (hash, key) in left {
        let account = key.account.clone();
        mark_revoked(&table, &account, &hash, key).await?;
    }
    let until = let_go(&sdk, global, peppers).await?;
    let value = json!({ "moved": moved, "dropped": unused, "previousUntil": until });
    let text = format!(
        "the rotation is finished: {moved} keys moved now, {unused} dropped; for quotes and page cursors the old pepper is honoured until {until}"
    );
    global.output().result(&value, text)
}

/// Moves what is re-hashed, until there is no more of it; gives how many, and what was not used.
async fn move_all(table: &Table, peppers: &Peppers) -> Result<(usize, Vec<(String, KeyRecord)>)> {
    let mut moved = 0;
    for _ in 0..ROUNDS {
        let count = status::count(table, peppers, Timestamp::now()).await?;
        if count.rehashed.is_empty() {
            return Ok((moved, count.unused));
        }
        for (hash, key) in count.rehashed {
            // One that was changed at this very moment is for the next round.
            moved += usize::from(move_one(table, &hash, &key, &peppers.current.id()).await?);
        }
    }
    Err(Failure::new(
        "keys are being changed at the same time, or their new hashes are taken; run the command again",
    ))
}

/// One transaction, so that there is never a moment without the key.
async fn move_one(table: &Table, hash: &str, key: &KeyRecord, pepper: &str) -> Result<bool> {
    let Some(rehashed) = &key.rehashed else { return Ok(false) };
    let after = KeyRecord { pepper: Some(pepper.to_owned()), rehashed: None, ..key.clone() };
    let entry = keys::account_key(&key.account, &key.id);
    let (old, new) = (key_entry_attributes(hash), key_entry_attributes(rehashed));
    let (condition, values) = unchanged(key);
    let parts = vec![
        table.new_item(keys::key(rehashed), after.to_item())?,
        table.deleted(keys::key(hash), &condition, values)?,
        table.changed(entry, &[HASH], &old, &new)?,
    ];
    Ok(matches!(table.write(parts).await?, Written::Done))
}

/// The condition that nothing of the key was changed since it was read, but for the day of its use.
fn unchanged(key: &KeyRecord) -> (String, Item) {
    let (item, mut values) = (key.to_item(), Item::new());
    let attributes = ["rehashed", "expiresAt", "revokedAt"];
    let conditions = attributes.map(|attribute| match item.get(attribute) {
        Some(value) => {
            values.insert(format!(":{attribute}"), value.clone());
            format!("{attribute} = :{attribute}")
        }
        None => format!("attribute_not_exists({attribute})"),
    });
    (conditions.join(" AND "), values)
}

fn would_be_lost(left: &[(String, KeyRecord)]) -> Failure {
    let name = |(_, key): &(String, KeyRecord)| format!("{} of {}", key.id, key.account);
    let names: Vec<String> = left.iter().take(MOST_NAMED).map(name).collect();
    let and_more = if left.len() > MOST_NAMED { " and more" } else { "" };
    Failure::new(format!(
        "{count} valid keys were not used since the rotation and would stop working: {names}{and_more}. Wait until they are used, roll them, or drop them with --drop-unused {count}",
        count = left.len(),
        names = names.join(", "),
    ))
}

/// From then on the old pepper is only in the secret, and nobody takes it.
async fn let_go(
    sdk: &aws_config::SdkConfig,
    global: &Global,
    mut peppers: Peppers,
) -> Result<String> {
    let too_far = |_| Failure::new("this machine's clock is wrong");
    let end = Timestamp::try_from(Timestamp::now().seconds() + TOKENS_LAST).map_err(too_far)?;
    let Some(previous) = &mut peppers.previous else { return Ok(moment::text(end)) };
    let end = previous.until.map_or(end, |until| until.min(end));
    previous.until = Some(end);
    pepper::write(sdk, global, &peppers).await?;
    Ok(moment::text(end))
}
