//! Description of a running stack: `.local/stack.json`.

use std::collections::BTreeMap;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::environment::{Variables, apply};
use crate::functions::Function;
use crate::local::Local;
use crate::shell::exports;

/// Addresses, accounts and keys of a running stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    pub api_url: String,
    /// URL of the example console, if the stack has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    pub stripe_url: String,
    /// Stripe key with all permissions.
    pub stripe_key: String,
    pub aws_url: String,
    pub table: String,
    pub allowed_origins: Vec<String>,
    pub accounts: Vec<Account>,
    /// Variables that each function is started with. A program that starts a function itself adds
    /// `AWS_LAMBDA_RUNTIME_API`.
    pub environment: BTreeMap<String, Variables>,
}

/// Seeded account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Name of the fixture, which is also the account's handle.
    pub name: String,
    pub id: String,
    pub handle: String,
    pub customer: Option<String>,
    /// ID of the parent account of a sub-account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub keys: Keys,
}

/// API keys of an account, one for each scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        Local::write_private(&local.env(), &exports(self))?;
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

    /// Sets the environment of a function's process, except `AWS_LAMBDA_RUNTIME_API`.
    pub fn configure(&self, command: &mut Command, function: &Function) {
        apply(&self.environment[function.name], command);
    }

    /// Returns the seeded account with this name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }
}
