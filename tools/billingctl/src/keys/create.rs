//! A new key, and how it is printed this once.

use aws_sdk_dynamodb::types::TransactWriteItem;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::auth::{ApiKey, Mode, Scope};
use shared::respond::Timestamp;
use shared::secrets::{Peppers, SecretError};
use shared::store::{KeyRecord, keys};

use crate::cli::{CreateKey, Global};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::{Table, Written, key_entry_attributes};
use crate::{aws, ids, moment};

/// What a new key is to be.
pub(super) struct Wanted {
    pub(super) account: String,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) expires_at: Option<Timestamp>,
}

/// A key that was just made, and is nowhere written yet.
pub(super) struct New {
    pub(super) record: KeyRecord,
    pub(super) hash: String,
    secret: SecretString,
}

impl New {
    /// Its hash is under a pepper that every process of a function has, or can get.
    pub(super) fn make(wanted: Wanted, peppers: &Peppers, now: Timestamp) -> Result<Self> {
        let secret = shared::auth::generate(wanted.mode)?;
        let key = ApiKey::parse_secret(&secret).map_err(|error| Failure::new(error.to_string()))?;
        let pepper = peppers.for_new(now);
        let hash = key.hash(pepper).to_string();
        let record = KeyRecord {
            id: ids::random("key_")?,
            account: wanted.account,
            scope: wanted.scope,
            name: wanted.name,
            prefix: key.display_prefix().to_owned(),
            created_at: now,
            expires_at: wanted.expires_at,
            revoked_at: None,
            last_used_on: None,
            pepper: Some(pepper.id()),
            rehashed: None,
        };
        Ok(Self { record, hash, secret })
    }

    /// The key alone on stdout; with `--json` what is known of it, and `more`.
    pub(super) fn print(&self, global: &Global, more: &Value) -> Result<()> {
        let (record, key) = (&self.record, self.secret.expose_secret());
        let expires_at = record.expires_at.map(moment::text);
        let end =
            expires_at.as_ref().map_or("without an end".to_owned(), |end| format!("until {end}"));
        note(format_args!(
            "{} with the scope {} for {}, {end}. The key is shown this once; store it now.",
            record.id, record.scope, record.account,
        ));
        let mut created = json!({
            "id": record.id,
            "key": key,
            "account": record.account,
            "scope": record.scope.as_str(),
            "name": record.name,
            "prefix": record.prefix,
            "createdAt": moment::text(record.created_at),
            "expiresAt": expires_at,
        });
        if let (Some(fields), Some(more)) = (created.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        global.output().result(&created, key)
    }
}

/// The items of a key: itself, and its entry with its account, which has to be there.
pub(super) fn parts(
    table: &Table,
    hash: &str,
    record: &KeyRecord,
) -> Result<Vec<TransactWriteItem>> {
    let entry = keys::account_key(&record.account, &record.id);
    Ok(vec![
        table.new_item(keys::key(hash), record.to_item())?,
        table.new_item(entry, key_entry_attributes(hash))?,
        table.check(keys::account(&record.account), "attribute_exists(pk)")?,
    ])
}

/// `keys create`
pub(crate) async fn create(global: &Global, wanted: CreateKey) -> Result<()> {
    let now = Timestamp::now();
    let expires_at = expiry(&wanted, now)?;
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let account = table.account(&wanted.account).await?;
    let secrets = aws::secrets(&sdk, &wanted.stripe_read_secret, &global.pepper_secret);
    let mode = match wanted.mode {
        Some(mode) => mode.into(),
        None => mode_of(secrets.stripe().await.map(|keys| keys.mode))?,
    };
    let (account, scope, name) = (account.id, wanted.scope.into(), wanted.name);
    let wanted = Wanted { account, scope, name, mode, expires_at };
    let new = New::make(wanted, &*secrets.peppers().await?, now)?;
    match table.write(parts(&table, &new.hash, &new.record)?).await? {
        Written::Done => new.print(global, &Value::Null),
        Written::Refused(_) => Err(Failure::new(
            "the account was deleted meanwhile, or the new key's id is taken; run the command again",
        )),
    }
}

fn mode_of(read: std::result::Result<Mode, SecretError>) -> Result<Mode> {
    read.map_err(|error| {
        Failure::new(format!(
            "whether the key is for live or test mode is not known: {}; or say it with --mode test or --mode live",
            Failure::from(error)
        ))
    })
}

fn expiry(wanted: &CreateKey, now: Timestamp) -> Result<Option<Timestamp>> {
    let too_far =
        |_| Failure::new("--expires-in reaches beyond any calendar; choose a shorter time");
    let given = wanted
        .expires_in
        .map(|seconds| Timestamp::try_from(now.seconds().saturating_add(seconds)).map_err(too_far));
    let end = given.transpose()?.or(wanted.expires_at);
    match end {
        Some(end) if end <= now => Err(Failure::new(format!(
            "--expires-at {} is past; choose a moment to come",
            moment::text(end)
        ))),
        end => Ok(end),
    }
}
