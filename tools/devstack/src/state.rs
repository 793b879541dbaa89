//! State that `make run KEEP=1` keeps from one stack to the next: the tables, the sandbox's snapshot, and the accounts.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::Error;
use crate::about::Account;
use crate::local::Local;
use crate::seed;

/// Folder with the state. The file with the accounts is written last, so a state without it is incomplete.
#[derive(Debug)]
pub(crate) struct State {
    dir: PathBuf,
}

impl State {
    /// Opens the state of a stack's folder, and deletes it if it is incomplete.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn open(local: &Local) -> Result<Self, Error> {
        let state = Self { dir: local.state() };
        if !state.accounts_file().exists() {
            match fs::remove_dir_all(&state.dir) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::file(&state.dir)(error));
                }
                _ => {}
            }
        }
        fs::create_dir_all(&state.dir).map_err(Error::file(&state.dir))?;
        Ok(state)
    }

    /// Returns the file of DynamoDB's tables.
    pub(crate) fn tables(&self) -> PathBuf {
        self.dir.join("dynamodb.sqlite")
    }

    /// Returns the sandbox's snapshot.
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.dir.join("stripe.json")
    }

    fn accounts_file(&self) -> PathBuf {
        self.dir.join("accounts.json")
    }

    /// Returns the seeded accounts; `None` before the first seeding.
    ///
    /// # Errors
    /// [`Error::File`], or [`Error::OutdatedState`] if another version of this program has seeded them.
    pub(crate) fn accounts(&self) -> Result<Option<Vec<Account>>, Error> {
        let path = self.accounts_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(path)(error)),
        };
        let accounts: Vec<Account> =
            serde_json::from_str(&text).map_err(|error| Error::file(&path)(error.into()))?;
        if seed::has_fixtures(&accounts) { Ok(Some(accounts)) } else { Err(Error::OutdatedState) }
    }

    /// Writes the seeded accounts, which completes the state.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn write_accounts(&self, accounts: &[Account]) -> Result<(), Error> {
        let path = self.accounts_file();
        let text =
            serde_json::to_string(accounts).map_err(|error| Error::file(&path)(error.into()))?;
        Local::write_private(&path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Local {
        let name = format!("devstack-state-{name}-{}", std::process::id());
        Local::create(std::env::temp_dir().join(name)).expect("a folder")
    }

    #[test]
    fn complete_state_is_kept_and_an_incomplete_one_is_deleted() {
        let local = folder("complete");
        let state = State::open(&local).expect("a new state");
        fs::write(state.tables(), "tables").expect("writable");
        let state = State::open(&local).expect("an incomplete state");
        assert!(!state.tables().exists());
        assert!(state.accounts().expect("none").is_none());

        fs::write(state.tables(), "tables").expect("writable");
        let accounts = seed::sample_accounts();
        state.write_accounts(&accounts).expect("writable");
        let state = State::open(&local).expect("a complete state");
        assert!(state.tables().exists());
        let kept = state.accounts().expect("readable").expect("accounts");
        let ids = |accounts: &[Account]| -> Vec<String> {
            accounts.iter().map(|account| account.id.clone()).collect()
        };
        assert_eq!(ids(&kept), ids(&accounts));
    }

    #[test]
    fn accounts_of_other_fixtures_are_refused() {
        let state = State::open(&folder("outdated")).expect("a new state");
        let accounts = seed::sample_accounts();
        state.write_accounts(&accounts[1..]).expect("writable");
        let error = state.accounts().expect_err("outdated").to_string();
        assert!(error.contains("make clean-local"), "{error}");
    }
}
