//! A generated API key before it is stored.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::access::ApiKey;
use shared::aws::table::KeyRecord;
use shared::values::{KeyHash, Mode, Scope, Timestamp};

use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::{id, timestamp};

/// Attributes of a key to generate.
pub(super) struct KeySpec {
    pub(super) account: String,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) expires_at: Option<Timestamp>,
}

/// The key, its hash and its record.
pub(super) struct NewKey {
    pub(super) record: KeyRecord,
    pub(super) hash: KeyHash,
    secret: SecretString,
}

impl NewKey {
    /// Generates a key.
    pub(super) fn generate(spec: KeySpec, now: Timestamp) -> Result<Self> {
        let secret = shared::access::generate(spec.mode)?;
        let key = ApiKey::parse(secret.expose_secret())
            .map_err(|error| CliError::new(error.to_string()))?;
        let hash = key.hash();
        let record = KeyRecord {
            id: id::random("key_")?,
            account: spec.account,
            scope: spec.scope,
            name: spec.name,
            prefix: key.display_prefix().to_owned(),
            created_at: now,
            expires_at: spec.expires_at,
            revoked_at: None,
            last_used_on: None,
        };
        Ok(Self { record, hash, secret })
    }

    /// Prints the key: alone on stdout, or with its attributes and `more` if `--json` is given.
    pub(super) fn print(&self, options: &GlobalOptions, more: &Value) -> Result<()> {
        let (record, key) = (&self.record, self.secret.expose_secret());
        let expires_at = record.expires_at.map(timestamp::format);
        let expiry = expires_at
            .as_ref()
            .map_or("never expires".to_owned(), |expiry| format!("expires at {expiry}"));
        note(format_args!(
            "{} for {} with scope {}, {expiry}. The key is shown only now; store it.",
            record.id, record.account, record.scope,
        ));
        let mut created = json!({
            "id": record.id,
            "key": key,
            "account": record.account,
            "scope": record.scope.as_str(),
            "name": record.name,
            "prefix": record.prefix,
            "createdAt": timestamp::format(record.created_at),
            "expiresAt": expires_at,
        });
        if let (Some(fields), Some(more)) = (created.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        options.output().result(&created, key)
    }
}
