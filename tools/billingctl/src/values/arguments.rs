//! Types and parsers of command-line arguments.

use clap::ValueEnum;
use shared::aws::table::Account;
use shared::values::{Mode, Scope};

/// Scope of an API key as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ScopeArg {
    Read,
    Deploy,
    Admin,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Read => Self::Read,
            ScopeArg::Deploy => Self::Deploy,
            ScopeArg::Admin => Self::Admin,
        }
    }
}

/// Stripe mode as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ModeArg {
    Test,
    Live,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Test => Self::Test,
            ModeArg::Live => Self::Live,
        }
    }
}

/// Parses a handle.
///
/// # Errors
/// A message for clap that states the allowed form.
pub(crate) fn handle(text: &str) -> Result<String, String> {
    if Account::is_handle(text) {
        Ok(text.to_owned())
    } else {
        Err("a handle has 2 to 40 of a-z, 0-9 and -, starts with a letter and does not end with -"
            .to_owned())
    }
}

/// Parses an account ID.
///
/// # Errors
/// A message for clap that states the allowed form.
pub(crate) fn account_id(text: &str) -> Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err("an account ID is acc_ and up to 40 letters and digits".to_owned())
    }
}

/// Largest number of characters in a key's name.
const MAX_NAME: usize = 100;

/// Parses the name of an API key. Lists of keys are often exported as CSV, so it has no comma.
///
/// # Errors
/// A message that states the allowed form.
pub(crate) fn key_name(text: &str) -> Result<String, String> {
    let is_allowed = |character: char| character != ',' && !character.is_control();
    if text.chars().count() <= MAX_NAME && text.chars().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a name has at most {MAX_NAME} characters, and neither commas nor control characters"
        ))
    }
}

/// Parses a handle or an account ID.
///
/// # Errors
/// A message for clap that states both forms.
pub(crate) fn handle_or_id(text: &str) -> Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        handle(text).map_err(|reason| format!("{reason}; an account ID starts with acc_"))
    }
}

/// Parses the ID of a Stripe customer.
///
/// # Errors
/// A message for clap that states the allowed form.
pub(crate) fn customer_id(text: &str) -> Result<String, String> {
    let is_id = |rest: &str| {
        !rest.is_empty()
            && rest.len() <= 250
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if text.strip_prefix("cus_").is_some_and(is_id) {
        Ok(text.to_owned())
    } else {
        Err("the ID of a Stripe customer starts with cus_".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_name_has_no_comma_and_no_control_character() {
        let longest = "é".repeat(MAX_NAME);
        for good in ["", "nightly CI", "Büro 1/2", &longest] {
            assert_eq!(key_name(good).as_deref(), Ok(good));
        }
        for bad in ["ci,nightly", "ci\n", "\u{1b}[31m", "\0", &format!("{longest}a")] {
            assert!(key_name(bad).is_err(), "{bad:?}");
        }
    }
}
