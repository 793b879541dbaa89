//! How far a rotation of the pepper has come.

use std::fmt::Write as _;

use serde_json::{Value, json};
use shared::auth::KeyHash;
use shared::respond::Timestamp;
use shared::secrets::Peppers;
use shared::store::KeyRecord;

use super::pepper;
use crate::cli::Global;
use crate::error::Result;
use crate::output::or_dash;
use crate::table::Table;
use crate::{aws, moment};

/// Where a key is in a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Expired or revoked: nothing becomes of it.
    Ended,
    /// Stored under the present pepper.
    Done,
    /// Used since the rotation, so that its new hash is known; to be moved there.
    Rehashed,
    /// Not used since the rotation.
    Unused,
}

/// A record of before peppers had names is under the one that was the first.
fn stage(key: &KeyRecord, peppers: &Peppers, now: Timestamp) -> Stage {
    let current = peppers.current.id();
    let is_done = key.pepper.as_ref().map_or(peppers.previous.is_none(), |id| *id == current);
    match &key.rehashed {
        _ if !key.is_valid(now) => Stage::Ended,
        _ if is_done => Stage::Done,
        Some(hash) if KeyHash::is_hash(hash) => Stage::Rehashed,
        _ => Stage::Unused,
    }
}

/// All keys, by how far they are. Each with its hash.
#[derive(Default)]
pub(super) struct Count {
    done: usize,
    pub(super) rehashed: Vec<(String, KeyRecord)>,
    pub(super) unused: Vec<(String, KeyRecord)>,
}

impl Count {
    /// Valid keys that are not stored under the present pepper.
    pub(super) fn unmoved(&self) -> usize {
        self.rehashed.len() + self.unused.len()
    }
}

pub(super) async fn count(table: &Table, peppers: &Peppers, now: Timestamp) -> Result<Count> {
    let mut count = Count::default();
    for (hash, key) in table.all_keys().await? {
        match stage(&key, peppers, now) {
            Stage::Ended => {}
            Stage::Done => count.done += 1,
            Stage::Rehashed => count.rehashed.push((hash, key)),
            Stage::Unused => count.unused.push((hash, key)),
        }
    }
    Ok(count)
}

/// `secrets pepper-status`
pub(crate) async fn pepper_status(global: &Global) -> Result<()> {
    let sdk = aws::sdk().await?;
    let (peppers, now) = (pepper::read(&sdk, global).await?, Timestamp::now());
    let count = count(&aws::table(&sdk, global), &peppers, now).await?;
    let previous = peppers.previous.as_ref().map(|previous| {
        json!({
            "pepper": previous.pepper.id(),
            "since": moment::text(previous.since),
            "until": previous.until.map(moment::text),
            "honoured": peppers.honoured(now).is_some(),
        })
    });
    let unused: Vec<Value> = count.unused.iter().map(|(_, key)| shown(key)).collect();
    let value = json!({
        "pepper": peppers.current.id(),
        "previous": previous,
        "keys": { "done": count.done, "rehashed": count.rehashed.len(), "unused": unused },
    });
    global.output().result(&value, text(&peppers, &count, now))
}

fn shown(key: &KeyRecord) -> Value {
    json!({ "id": key.id, "account": key.account, "name": key.name, "lastUsedOn": key.last_used_on })
}

fn text(peppers: &Peppers, count: &Count, now: Timestamp) -> String {
    let rotation = match &peppers.previous {
        None => "the pepper is not being rotated".to_owned(),
        Some(previous) => {
            let until = previous.until.map(moment::text);
            let end = match (peppers.honoured(now).is_some(), until) {
                (true, None) => "honoured until `billingctl secrets finish-pepper`".to_owned(),
                (true, Some(until)) => format!("honoured until {until}"),
                (false, until) => format!("not honoured since {}", until.unwrap_or_default()),
            };
            format!("rotated at {}; the old pepper is {end}", moment::text(previous.since))
        }
    };
    let mut text = format!(
        "{rotation}\nunder the pepper  {:>5}\nre-hashed         {:>5}\nnot used since    {:>5}\n",
        count.done,
        count.rehashed.len(),
        count.unused.len()
    );
    for (_, key) in &count.unused {
        let last = or_dash(key.last_used_on.as_deref());
        let (id, account, name) = (&key.id, &key.account, &key.name);
        let _ = writeln!(text, "  {id} of {account}, last used {last}, {name}");
    }
    text
}

#[cfg(test)]
mod tests {
    use shared::Scope;
    use shared::secrets::{Pepper, Previous};

    use super::*;

    #[test]
    fn a_key_is_done_once_it_is_stored_under_the_present_pepper() {
        let now = Timestamp::try_from(1_000).expect("in range");
        let (old, new) = (Pepper::from("old"), Pepper::from("new"));
        let previous = Previous { pepper: old.clone(), since: now, until: None };
        let rotated = Peppers { current: new.clone(), previous: Some(previous) };
        let alone = Peppers { current: new.clone(), previous: None };
        let hash = "a".repeat(64);
        // pepper, re-hashed, revoked, peppers → stage
        let cases = [
            (Some(&new), None, false, &rotated, Stage::Done),
            (Some(&old), None, false, &rotated, Stage::Unused),
            (Some(&old), Some(hash.as_str()), false, &rotated, Stage::Rehashed),
            (Some(&old), Some("junk"), false, &rotated, Stage::Unused),
            (None, None, false, &rotated, Stage::Unused),
            (None, Some(hash.as_str()), false, &rotated, Stage::Rehashed),
            (None, None, false, &alone, Stage::Done),
            (Some(&old), None, false, &alone, Stage::Unused),
            (Some(&old), Some(hash.as_str()), true, &rotated, Stage::Ended),
        ];
        for (pepper, rehashed, revoked, peppers, expected) in cases {
            let key = KeyRecord {
                id: "key_1".to_owned(),
                account: "acc_1".to_owned(),
                scope: Scope::Read,
                name: String::new(),
                prefix: String::new(),
                created_at: now,
                expires_at: None,
                revoked_at: revoked.then_some(now),
                last_used_on: None,
                pepper: pepper.map(Pepper::id),
                rehashed: rehashed.map(str::to_owned),
            };
            assert_eq!(stage(&key, peppers, now), expected, "{pepper:?} {rehashed:?}");
        }
    }
}
