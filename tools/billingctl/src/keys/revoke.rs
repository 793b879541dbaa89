//! `keys revoke`

use clap::Args;
use serde_json::json;
use shared::aws::table::{KeyRecord, keys};
use shared::values::Timestamp;

use super::record;
use crate::aws::config;
use crate::aws::table::Table;
use crate::confirm::ConfirmArgs;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::values::arguments::handle_or_id;
use crate::values::timestamp;

/// Revoke an API key; every function refuses it within 60 seconds
///
///   billingctl keys revoke key_0123456789abcdef --account acme
///
/// A revoked key cannot be restored, so the command asks first.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RevokeArgs {
    /// ID of the key, as `billingctl keys list` prints it
    #[arg(value_name = "KEY_ID")]
    key: String,
    /// Handle or ID (acc_…) of the account
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs `keys revoke`.
pub(super) async fn run(options: &GlobalOptions, args: &RevokeArgs) -> Result<()> {
    let table = Table::new(&config::load(options).await?, options);
    let account = table.account(&args.account).await?;
    let (hash, record) = record::find(&table, &account, &args.key).await?;
    let already = record.revoked_at.is_some();
    let record = if already {
        record
    } else {
        let described = record::describe(&account, &record);
        args.confirm.ask(format_args!("Revoke {described}? It cannot be restored."))?;
        mark_revoked(&table, &account.id, &hash, record).await?
    };
    let revoked_at = record.revoked_at.map(timestamp::format).unwrap_or_default();
    let text = if already {
        format!("{} was already revoked, at {revoked_at}", record.id)
    } else {
        format!("{} is revoked; every function refuses it within 60 s", record.id)
    };
    let value = json!({
        "id": record.id, "account": record.account, "revokedAt": revoked_at, "already": already,
    });
    options.output().result(&value, text)
}

/// Writes the revocation time. Of two concurrent revocations the first one's time stays.
async fn mark_revoked(
    table: &Table,
    account: &str,
    hash: &str,
    record: KeyRecord,
) -> Result<KeyRecord> {
    let revoked = KeyRecord { revoked_at: Some(Timestamp::now()), ..record.clone() };
    let (before, after) = (record.to_item(), revoked.to_item());
    if table.update_attribute(keys::key(hash), "revokedAt", &before, &after).await? {
        return Ok(revoked);
    }
    let changed =
        || CliError::new("another command changed or deleted the key; run the command again");
    let current = table.key_of_account(account, &record.id).await?;
    let (_, record) = current.ok_or_else(changed)?;
    if record.revoked_at.is_some() { Ok(record) } else { Err(changed()) }
}
