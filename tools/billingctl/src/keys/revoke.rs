//! A key that is to work no more.

use serde_json::json;
use shared::Account;
use shared::respond::Timestamp;
use shared::store::{KeyRecord, keys};

use crate::cli::{Global, RevokeKey};
use crate::error::{Failure, Result};
use crate::table::Table;
use crate::{aws, moment};

/// `keys revoke`
pub(crate) async fn revoke(global: &Global, wanted: &RevokeKey) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let account = table.account(&wanted.account).await?;
    let (hash, record) = find(&table, &account, &wanted.key).await?;
    let already = record.revoked_at.is_some();
    let record =
        if already { record } else { mark_revoked(&table, &account.id, &hash, record).await? };
    let since = record.revoked_at.map(moment::text).unwrap_or_default();
    let text = if already {
        format!("{} was revoked already, at {since}", record.id)
    } else {
        format!("{} is revoked, which holds everywhere within 60 s", record.id)
    };
    let value = json!({
        "id": record.id, "account": record.account, "revokedAt": since, "already": already,
    });
    global.output().result(&value, text)
}

/// The hash of an account's key, and its record.
pub(super) async fn find(
    table: &Table,
    account: &Account,
    id: &str,
) -> Result<(String, KeyRecord)> {
    table.key_of(&account.id, id).await?.ok_or_else(|| {
        let handle = &account.handle;
        Failure::new(format!(
            "{handle} has no key {id}; `billingctl keys list --account {handle}` shows those it has"
        ))
    })
}

/// Of two who revoke at once the first one's time stays.
pub(crate) async fn mark_revoked(
    table: &Table,
    account: &str,
    hash: &str,
    record: KeyRecord,
) -> Result<KeyRecord> {
    let revoked = KeyRecord { revoked_at: Some(Timestamp::now()), ..record.clone() };
    if table.change(keys::key(hash), "revokedAt", &record.to_item(), &revoked.to_item()).await? {
        return Ok(revoked);
    }
    let moved = || Failure::new("the key was moved or deleted meanwhile; run the command again");
    let now = table.key_of(account, &record.id).await?;
    let (_, record) = now.ok_or_else(moved)?;
    if record.revoked_at.is_some() { Ok(record) } else { Err(moved()) }
}
