//! What the values on the command line may be.

use clap::ValueEnum;
use shared::Account;
use shared::auth::{Mode, Scope};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ScopeName {
    Read,
    Deploy,
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Deploy => Self::Deploy,
            ScopeName::Admin => Self::Admin,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ModeName {
    Test,
    Live,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Test => Self::Test,
            ModeName::Live => Self::Live,
        }
    }
}

pub(super) fn handle(text: &str) -> std::result::Result<String, String> {
    let wrong =
        "a handle has 2 to 40 of a-z, 0-9 and -, begins with a letter and does not end with -";
    if Account::is_handle(text) { Ok(text.to_owned()) } else { Err(wrong.to_owned()) }
}

pub(super) fn account_id(text: &str) -> std::result::Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err("an account id is acc_ and up to 40 letters and digits".to_owned())
    }
}

pub(super) fn handle_or_id(text: &str) -> std::result::Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        handle(text).map_err(|wrong| format!("{wrong}; an id begins with acc_"))
    }
}

pub(super) fn customer(text: &str) -> std::result::Result<String, String> {
    let is_id = |rest: &str| {
        !rest.is_empty()
            && rest.len() <= 250
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if text.strip_prefix("cus_").is_some_and(is_id) {
        Ok(text.to_owned())
    } else {
        Err("a Stripe customer's id begins with cus_".to_owned())
    }
}
