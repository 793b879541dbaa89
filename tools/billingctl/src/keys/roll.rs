//! `keys roll`

use clap::Args;
use serde_json::json;
use shared::aws::table::{KeyRecord, keys};
use shared::values::{Mode, Timestamp};

use super::new_key::{KeySpec, NewKey};
use super::record;
use crate::aws::config;
use crate::aws::table::{LIFETIME, Outcome, Table, lifetime};
use crate::confirm::ConfirmArgs;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::handle_or_id;
use crate::values::{duration, timestamp};

/// Replace an API key with a new one; both work for an overlap
///
///   billingctl keys roll key_0123456789abcdef --account acme
///   billingctl keys roll key_0123456789abcdef --account acme --overlap 0
///
/// The new key has the account, scope, name and lifetime of the old one. An earlier roll of the old key does
/// not shorten that lifetime. Only the new key goes to stdout, once. The old key expires after the overlap, or
/// earlier if it would have expired earlier. With --overlap 0 the command asks first.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RollArgs {
    /// ID of the key, as `billingctl keys list` prints it
    #[arg(value_name = "KEY_ID")]
    key: String,
    /// Handle or ID (acc_…) of the account
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    /// Time in which both keys work, for example 24h or 30m; with 0 the old key stops within 60 seconds
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::parse_or_zero)]
    overlap: i64,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs `keys roll`.
pub(super) async fn run(options: &GlobalOptions, args: &RollArgs) -> Result<()> {
    let now = Timestamp::now();
    let table = Table::new(&config::load(options).await?, options);
    let account = table.account(&args.account).await?;
    let (hash, old) = record::find(&table, &account, &args.key).await?;
    let ends_at = old_key_expiry(&old, now, args.overlap)?;
    if args.overlap == 0 {
        let described = record::describe(&account, &old);
        args.confirm.ask(format_args!("Replace {described} and end it now?"))?;
    }
    let rolled_lifetime = table.lifetime_before_roll(&hash).await?;
    let own_lifetime = rolled_lifetime.unwrap_or_else(|| lifetime_of(&old));
    let (mode, expires_at) = (mode(&old)?, new_key_expiry(own_lifetime, now)?);
    let (scope, name) = (old.scope, old.name.clone());
    let new =
        NewKey::generate(KeySpec { account: account.id, scope, name, mode, expires_at }, now)?;
    let mut items = record::insert(&table, &new.hash, &new.record)?;
    let mut before = old.to_item();
    before.extend(rolled_lifetime.map(lifetime));
    let mut after = KeyRecord { expires_at: Some(ends_at), ..old.clone() }.to_item();
    after.extend([lifetime(own_lifetime)]);
    let attributes = ["expiresAt", "revokedAt", LIFETIME];
    items.push(table.update(keys::key(&hash), &attributes, &before, &after)?);
    if let Outcome::ConditionFailed(_) = table.transact(items).await? {
        return Err(CliError::new(
            "another command changed the key; nothing was written, run the command again",
        ));
    }
    let works_until = timestamp::format(ends_at);
    if ends_at > now {
        note(format_args!("{} works until {works_until}; replace it with the new key", old.id));
    } else {
        note(format_args!("{} stops working everywhere within 60 s", old.id));
    }
    new.print(options, &json!({ "replaces": { "id": old.id, "worksUntil": works_until } }))
}

/// Returns when the old key expires: after the overlap, or at its own earlier expiry.
fn old_key_expiry(old: &KeyRecord, now: Timestamp, overlap: i64) -> Result<Timestamp> {
    if !old.is_valid(now) {
        return Err(CliError::new(format!(
            "{} has expired or is revoked, so it cannot be rolled; create a new key with `billingctl keys create`",
            old.id
        )));
    }
    let expiry = later(now, overlap, "--overlap")?;
    Ok(old.expires_at.map_or(expiry, |own| own.min(expiry)))
}

/// Returns the lifetime in seconds of a key that was never rolled, 0 if unlimited.
fn lifetime_of(key: &KeyRecord) -> i64 {
    let seconds = |expiry: Timestamp| (expiry.seconds() - key.created_at.seconds()).max(1);
    key.expires_at.map_or(0, seconds)
}

/// Returns when the new key expires: after the lifetime of the old one. It is unlimited with a lifetime of 0.
fn new_key_expiry(lifetime: i64, now: Timestamp) -> Result<Option<Timestamp>> {
    (lifetime > 0).then(|| later(now, lifetime, "the key's lifetime")).transpose()
}

fn later(now: Timestamp, seconds: i64, name: &str) -> Result<Timestamp> {
    Timestamp::try_from(now.seconds().saturating_add(seconds))
        .map_err(|_| CliError::new(format!("{name} is too long; choose a shorter duration")))
}

/// Returns the mode in the key's prefix.
fn mode(old: &KeyRecord) -> Result<Mode> {
    Mode::of_key(&old.prefix).ok_or_else(|| {
        CliError::new(format!(
            "the prefix of {} (\"{}\") has no mode; create a new key with `billingctl keys create`",
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
        }
    }

    #[test]
    fn old_key_expires_after_the_overlap_and_new_key_keeps_the_lifetime() {
        // created, expires, revoked, overlap → expiry of the old key, of the new key; now is 1000
        let cases = [
            ((500, None, None), 100, Some((1_100, None))),
            ((500, None, None), 0, Some((1_000, None))),
            ((500, Some(5_000), None), 100, Some((1_100, Some(5_500)))),
            ((500, Some(1_050), None), 100, Some((1_050, Some(1_550)))),
            ((500, Some(1_000), None), 100, None),
            ((500, None, Some(900)), 100, None),
        ];
        for ((created, expires, revoked), overlap, expected) in cases {
            let (old, now) = (key(created, expires, revoked), at(1_000));
            let actual = old_key_expiry(&old, now, overlap).ok().map(|expiry| {
                let new = new_key_expiry(lifetime_of(&old), now)
                    .expect("in range")
                    .map(Timestamp::seconds);
                (expiry.seconds(), new)
            });
            assert_eq!(actual, expected, "{created} {expires:?} {revoked:?} {overlap}");
        }
    }

    #[test]
    fn mode_is_read_from_the_prefix() {
        assert_eq!(mode(&key(0, None, None)).ok(), Some(Mode::Test));
        let other = KeyRecord { prefix: "ctk_1".to_owned(), ..key(0, None, None) };
        assert!(mode(&other).is_err());
    }
}
