//! API keys: made, listed, rolled, revoked, imported. A key is printed once, when it is made; kept is
//! its keyed hash.

mod create;
mod import;
mod revoke;
mod roll;
mod rows;

use serde::Serialize;
use shared::respond::Timestamp;
use shared::store::KeyRecord;

use crate::cli::Global;
use crate::error::Result;
use crate::output::{columns, note, or_dash};
use crate::table::Table;
use crate::{aws, moment};

pub(crate) use create::create;
pub(crate) use import::import;
pub(crate) use revoke::{mark_revoked, revoke};
pub(crate) use roll::roll;

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
    last_used_on: Option<String>,
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
            last_used_on: key.last_used_on,
            expires_at: key.expires_at.map(moment::text),
            revoked_at: key.revoked_at.map(moment::text),
            status,
        }
    }
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
            or_dash(key.last_used_on.as_deref()),
            or_dash(key.expires_at.as_deref()),
        ]
    };
    let rows: Vec<[String; 8]> = keys.iter().map(row).collect();
    let header = ["KEY ID", "PREFIX", "SCOPE", "NAME", "STATUS", "CREATED", "LAST USED", "EXPIRES"];
    columns(header, &rows)
}
