//! A key replaced by a new one, with a time in which both work.

use serde_json::json;
use shared::auth::Mode;
use shared::respond::Timestamp;
use shared::store::{KeyRecord, keys};

use super::create::{self, New, Wanted};
use super::revoke;
use crate::cli::{Global, RollKey};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::Written;
use crate::{aws, moment};

/// `keys roll`
pub(crate) async fn roll(global: &Global, wanted: &RollKey) -> Result<()> {
    let now = Timestamp::now();
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let account = table.account(&wanted.account).await?;
    let (hash, old) = revoke::find(&table, &account, &wanted.key).await?;
    let ends = old_end(&old, now, wanted.overlap)?;
    let after = KeyRecord { expires_at: Some(ends), ..old.clone() };
    let (mode, expires_at) = (mode(&old)?, new_end(&old, now)?);
    let (scope, name) = (old.scope, old.name.clone());
    let successor = Wanted { account: account.id, scope, name, mode, expires_at };
    // Rolling asks Stripe for nothing, and so for none of its keys.
    let secrets = aws::secrets(&sdk, "", &global.pepper_secret);
    let new = New::make(successor, &*secrets.peppers().await?, now)?;
    let mut parts = create::parts(&table, &new.hash, &new.record)?;
    let ending = ["expiresAt", "revokedAt"];
    parts.push(table.changed(keys::key(&hash), &ending, &old.to_item(), &after.to_item())?);
    if let Written::Refused(_) = table.write(parts).await? {
        return Err(Failure::new(
            "the key was changed by somebody else meanwhile; nothing was done, run the command again",
        ));
    }
    let until = moment::text(ends);
    if ends > now {
        note(format_args!("{} works until {until}; put the new key in its place by then", old.id));
    } else {
        note(format_args!("{} stops working everywhere within 60 s", old.id));
    }
    new.print(global, &json!({ "replaces": { "id": old.id, "worksUntil": until } }))
}

/// When the old key ends: after the overlap, or when it would have ended anyway.
fn old_end(old: &KeyRecord, now: Timestamp, overlap: i64) -> Result<Timestamp> {
    if !old.is_valid(now) {
        return Err(Failure::new(format!(
            "{} has expired or been revoked, so there is nothing to roll; make a new key with `billingctl keys create`",
            old.id
        )));
    }
    let end = later(now, overlap, "--overlap")?;
    Ok(old.expires_at.map_or(end, |own| own.min(end)))
}

/// The new key lives as long as the old one was to live.
fn new_end(old: &KeyRecord, now: Timestamp) -> Result<Option<Timestamp>> {
    let life = old.expires_at.map(|end| end.seconds() - old.created_at.seconds());
    life.map(|life| later(now, life.max(1), "the key's life")).transpose()
}

fn later(now: Timestamp, seconds: i64, what: &str) -> Result<Timestamp> {
    Timestamp::try_from(now.seconds().saturating_add(seconds)).map_err(|_| {
        Failure::new(format!("{what} reaches beyond any calendar; choose a shorter time"))
    })
}

/// A key says its mode itself.
fn mode(old: &KeyRecord) -> Result<Mode> {
    Mode::of_key(&old.prefix).ok_or_else(|| {
        Failure::new(format!(
            "the prefix of {} is \"{}\", which is of no mode; make a new key with `billingctl keys create`",
            old.id, old.prefix
        ))
    })
}

#[cfg(test)]
mod tests {
    use shared::Scope;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn key(created_at: i64, expires_at: Option<i64>, revoked_at: Option<i64>) -> KeyRecord {
        KeyRecord {
            id: "key_1".to_owned(),
            account: "acc_1".to_owned(),
            scope: Scope::Read,
            name: String::new(),
            prefix: "sk_test_Ab12".to_owned(),
            created_at: at(created_at),
            expires_at: expires_at.map(at),
            revoked_at: revoked_at.map(at),
            last_used_on: None,
            pepper: None,
            rehashed: None,
        }
    }

    #[test]
    fn the_old_key_ends_after_the_overlap_or_earlier_and_the_new_one_lives_as_long() {
        // created, ends, revoked, overlap → end of the old one, of the new one; now is 1000
        let cases = [
            ((500, None, None), 100, Some((1_100, None))),
            ((500, None, None), 0, Some((1_000, None))),
            ((500, Some(5_000), None), 100, Some((1_100, Some(5_500)))),
            ((500, Some(1_050), None), 100, Some((1_050, Some(1_550)))),
            ((500, Some(1_000), None), 100, None),
            ((500, None, Some(900)), 100, None),
        ];
        for ((created, ends, revoked), overlap, expected) in cases {
            let (old, now) = (key(created, ends, revoked), at(1_000));
            let got = old_end(&old, now, overlap).ok().map(|end| {
                let new = new_end(&old, now).expect("in range").map(Timestamp::seconds);
                (end.seconds(), new)
            });
            assert_eq!(got, expected, "{created} {ends:?} {revoked:?} {overlap}");
        }
    }

    #[test]
    fn the_mode_is_that_of_the_prefix() {
        assert_eq!(mode(&key(0, None, None)).ok(), Some(Mode::Test));
        let odd = KeyRecord { prefix: "ctk_1".to_owned(), ..key(0, None, None) };
        assert!(mode(&odd).is_err());
    }
}
