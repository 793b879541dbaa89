//! Description of the running stack: `.local/stack.json`, which `make run` writes.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

/// Addresses of the stack, its accounts and their keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    pub api_url: String,
    pub stripe_url: String,
    /// Stripe key with all permissions, for the test clocks.
    pub stripe_key: String,
    pub accounts: Vec<Account>,
}

/// Seeded account.
#[derive(Deserialize)]
pub struct Account {
    pub name: String,
    pub id: String,
    pub handle: String,
    /// Stripe customer that the account was seeded with.
    pub customer: Option<String>,
    /// ID of the parent of a sub-account.
    pub parent: Option<String>,
    pub keys: Keys,
}

/// API keys of the scopes that the console needs.
#[derive(Deserialize)]
pub struct Keys {
    pub read: String,
    pub admin: String,
}

impl Stack {
    /// Reads the description.
    ///
    /// # Errors
    /// The file cannot be read, or is no description of a stack.
    pub fn read(file: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// Returns the account whose keys are sent for `account`: its parent, or itself if it has none.
    pub fn key_holder<'a>(&'a self, account: &'a Account) -> &'a Account {
        let parent = |id: &str| self.accounts.iter().find(|other| other.id == id);
        account.parent.as_deref().and_then(parent).unwrap_or(account)
    }

    /// Whether Stripe is the sandbox, whose clocks the console can advance.
    pub fn has_sandbox(&self) -> bool {
        self.stripe_url.starts_with("http://")
    }
}
