//! API keys: made, listed, revoked. A key is printed once, when it is made; kept is its keyed hash.

use secrecy::ExposeSecret as _;
use serde::Serialize;
use shared::auth::{ApiKey, Mode};
use shared::respond::Timestamp;
use shared::store::{KeyRecord, keys};

use crate::cli::{CreateKey, Global, RevokeKey};
use crate::error::{Failure, Result};
use crate::output::{columns, note, or_dash};
use crate::table::{Table, Written, key_entry_attributes};
use crate::{aws, ids, moment};

/// A key as it is listed: never the key itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    id: String,
    account: String,
    scope: &'static str,
    name: String,
    prefix: String,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    status: &'static str,
}

impl Shown {
    fn new(key: KeyRecord, now: Timestamp) -> Self {
        let status = match (key.revoked_at, key.is_valid(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "active",
            (None, false) => "expired",
        };
        Self {
            id: key.id,
            account: key.account,
            scope: key.scope.as_str(),
            name: key.name,
            prefix: key.prefix,
            created_at: moment::text(key.created_at),
            expires_at: key.expires_at.map(moment::text),
            revoked_at: key.revoked_at.map(moment::text),
            status,
        }
    }
}

/// A new key, the one time that it can be seen.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    id: &'a str,
    key: &'a str,
    account: &'a str,
    scope: &'a str,
    name: &'a str,
    prefix: &'a str,
    created_at: String,
    expires_at: Option<String>,
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
    let pepper = secrets.pepper().await?;
    let secret = shared::auth::generate(mode)?;
    let key = ApiKey::parse_secret(&secret).map_err(|error| Failure::new(error.to_string()))?;
    let record = KeyRecord {
        id: ids::random("key_")?,
        account: account.id,
        scope: wanted.scope.into(),
        name: wanted.name,
        prefix: key.display_prefix().to_owned(),
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    insert(&table, &key.hash(&pepper).to_string(), &record).await?;
    print(global, &record, secret.expose_secret())
}

fn mode_of(read: std::result::Result<Mode, shared::secrets::SecretError>) -> Result<Mode> {
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

async fn insert(table: &Table, hash: &str, record: &KeyRecord) -> Result<()> {
    let parts = vec![
        table.new_item(keys::key(hash), record.to_item())?,
        table
            .new_item(keys::account_key(&record.account, &record.id), key_entry_attributes(hash))?,
        table.check(keys::account(&record.account), "attribute_exists(pk)")?,
    ];
    match table.write(parts).await? {
        Written::Done => Ok(()),
        Written::Refused(_) => Err(Failure::new(
            "the account was deleted meanwhile, or the new key's id is taken; run the command again",
        )),
    }
}

fn print(global: &Global, record: &KeyRecord, key: &str) -> Result<()> {
    let created = Created {
        id: &record.id,
        key,
        account: &record.account,
        scope: record.scope.as_str(),
        name: &record.name,
        prefix: &record.prefix,
        created_at: moment::text(record.created_at),
        expires_at: record.expires_at.map(moment::text),
    };
    note(format_args!(
        "{} with the scope {} for {}, {}. The key is shown this once; store it now.",
        record.id,
        record.scope,
        record.account,
        created
            .expires_at
            .as_deref()
            .map_or("without an end".to_owned(), |end| format!("until {end}"))
    ));
    global.output().result(&created, key)
}

/// `keys list`
pub(crate) async fn list(global: &Global, account: &str) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let account = table.account(account).await?;
    let keys = shown(&table, &account.id).await?;
    if keys.is_empty() {
        note(format_args!(
            "{0} has no keys; next: billingctl keys create --account {0} --scope read",
            account.handle
        ));
    }
    global.output().result(&serde_json::json!({ "keys": keys }), rows(&keys))
}

pub(crate) async fn shown(table: &Table, account: &str) -> Result<Vec<Shown>> {
    let now = Timestamp::now();
    Ok(table.keys_of(account).await?.into_iter().map(|(_, key)| Shown::new(key, now)).collect())
}

pub(crate) fn rows(keys: &[Shown]) -> String {
    let row = |key: &Shown| {
        let (prefix, scope, status) =
            (format!("{}…", key.prefix), key.scope.to_owned(), key.status.to_owned());
        [
            key.id.clone(),
            prefix,
            scope,
            key.name.clone(),
            status,
            key.created_at.clone(),
            or_dash(key.expires_at.as_deref()),
        ]
    };
    let rows: Vec<[String; 7]> = keys.iter().map(row).collect();
    columns(["KEY ID", "PREFIX", "SCOPE", "NAME", "STATUS", "CREATED", "EXPIRES"], &rows)
}

/// `keys revoke`
pub(crate) async fn revoke(global: &Global, wanted: &RevokeKey) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let account = table.account(&wanted.account).await?;
    let found = table.key_of(&account.id, &wanted.key).await?;
    let (hash, record) = found.ok_or_else(|| {
        let handle = &account.handle;
        Failure::new(format!(
            "{handle} has no key {}; `billingctl keys list --account {handle}` shows those it has",
            wanted.key
        ))
    })?;
    let already = record.revoked_at.is_some();
    let record =
        if already { record } else { mark_revoked(&table, &account.id, &hash, record).await? };
    let since = record.revoked_at.map(moment::text).unwrap_or_default();
    let text = if already {
        format!("{} was revoked already, at {since}", record.id)
    } else {
        format!("{} is revoked, which holds everywhere within 60 s", record.id)
    };
    let value = serde_json::json!({
        "id": record.id, "account": record.account, "revokedAt": since, "already": already,
    });
    global.output().result(&value, text)
}

/// Of two who revoke at once the first one's time stays.
async fn mark_revoked(
    table: &Table,
    account: &str,
    hash: &str,
    record: KeyRecord,
) -> Result<KeyRecord> {
    let revoked = KeyRecord { revoked_at: Some(Timestamp::now()), ..record.clone() };
    if table.change(keys::key(hash), "revokedAt", &record.to_item(), &revoked.to_item()).await? {
        return Ok(revoked);
    }
    let now = table.key_of(account, &record.id).await?;
    now.map(|(_, record)| record)
        .ok_or_else(|| Failure::new("the key was deleted meanwhile; there is nothing to revoke"))
}
