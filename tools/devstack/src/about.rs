//! What a stack says of itself: `.local/stack.json`.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::local::Local;

/// Where everything is, and the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    pub api_url: String,
    pub stripe_url: String,
    /// A key that may do everything in that Stripe.
    pub stripe_key: String,
    pub aws_url: String,
    pub table: String,
    pub allowed_origins: Vec<String>,
    pub accounts: Vec<Account>,
}

/// A seeded account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// What its story is called; its handle, too.
    pub name: String,
    pub id: String,
    pub handle: String,
    pub customer: Option<String>,
    /// The parent's id, on a sub-account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub keys: Keys,
}

/// A key in each scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    pub read: String,
    pub deploy: String,
    pub admin: String,
}

impl About {
    /// Writes `stack.json`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn write(&self, local: &Local) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::file(local.stack())(error.into()))?;
        Local::write_private(&local.stack(), &format!("{text}\n"))
    }

    /// Reads `stack.json`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn read(local: &Local) -> Result<Self, Error> {
        let text = std::fs::read_to_string(local.stack()).map_err(Error::file(local.stack()))?;
        serde_json::from_str(&text).map_err(|error| Error::file(local.stack())(error.into()))
    }

    /// The account with this name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }
}
