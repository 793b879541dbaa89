//! API keys as commands print them, without the key itself.

use serde::Serialize;
use shared::aws::table::KeyRecord;
use shared::values::Timestamp;

use crate::aws::table::Table;
use crate::error::Result;
use crate::output::{columns, or_dash};
use crate::values::timestamp;

/// A key in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    id: String,
    account: String,
    scope: &'static str,
    name: String,
    prefix: String,
    created_at: String,
    last_used_on: Option<String>,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    status: &'static str,
}

impl KeyView {
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
            created_at: timestamp::format(key.created_at),
            last_used_on: key.last_used_on,
            expires_at: key.expires_at.map(timestamp::format),
            revoked_at: key.revoked_at.map(timestamp::format),
            status,
        }
    }
}

/// Returns all keys of an account, oldest first.
pub(crate) async fn key_views(table: &Table, account: &str) -> Result<Vec<KeyView>> {
    let now = Timestamp::now();
    let keys = table.keys_of_account(account).await?;
    Ok(keys.into_iter().map(|(_, key)| KeyView::new(key, now)).collect())
}

/// Formats keys as a table with a header. `--json` has the times of the days.
pub(crate) fn key_table(keys: &[KeyView]) -> String {
    let row = |key: &KeyView| {
        [
            key.id.clone(),
            format!("{}…", key.prefix),
            key.scope.to_owned(),
            key.name.clone(),
            key.status.to_owned(),
            timestamp::day(&key.created_at),
            or_dash(key.last_used_on.as_deref()),
            key.expires_at.as_deref().map_or_else(|| or_dash(None), timestamp::day),
        ]
    };
    let rows: Vec<[String; 8]> = keys.iter().map(row).collect();
    let header = ["KEY ID", "PREFIX", "SCOPE", "NAME", "STATUS", "CREATED", "LAST USED", "EXPIRES"];
    columns(header, &rows, 3)
}
