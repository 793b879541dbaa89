//! Reads and writes of one key in the table.

use aws_sdk_dynamodb::types::TransactWriteItem;
use shared::aws::table::{Account, KeyRecord, keys};
use shared::values::KeyHash;

use crate::aws::table::{Table, key_reference};
use crate::error::{CliError, Result};

/// Returns the hash and the record of an account's key.
///
/// # Errors
/// If the account has no key with this ID.
pub(super) async fn find(
    table: &Table,
    account: &Account,
    id: &str,
) -> Result<(String, KeyRecord)> {
    table.key_of_account(&account.id, id).await?.ok_or_else(|| {
        let handle = &account.handle;
        CliError::new(format!(
            "{handle} has no key {id}; `billingctl keys list --account {handle}` lists its keys"
        ))
    })
}

/// Describes a key in a question: its ID, name, scope and last use.
pub(super) fn describe(account: &Account, record: &KeyRecord) -> String {
    let KeyRecord { id, name, scope, last_used_on, .. } = record;
    let name = if name.is_empty() { String::new() } else { format!("\"{name}\", ") };
    let last_use = last_used_on.as_deref().map_or("never".to_owned(), |day| format!("on {day}"));
    format!("{id} of {} ({name}{scope}, last used {last_use})", account.handle)
}

/// Returns the transaction that inserts a key and its entry under the account, which must exist.
pub(super) fn insert(
    table: &Table,
    hash: &KeyHash,
    record: &KeyRecord,
) -> Result<Vec<TransactWriteItem>> {
    let entry = keys::account_key(&record.account, &record.id);
    Ok(vec![
        table.put_new(keys::key(hash.as_str()), record.to_item())?,
        table.put_new(entry, key_reference(hash.as_str()))?,
        table.check(keys::account(&record.account), "attribute_exists(pk)")?,
    ])
}
