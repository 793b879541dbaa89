//! Client and keys for Stripe.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use shared::aws::https::Https;
use shared::values::Mode;

use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::stripe::{CallLog, Stripe, Transport, base_url};
use tokio::time::Instant;

use crate::error::{CliError, Result};

const KEY: &str = "STRIPE_SECRET_KEY";
const BASE: &str = "STRIPE_API_BASE";

/// Deadline of a command's requests to Stripe. Applying a catalog takes about sixty.
const TIMEOUT: Duration = Duration::from_mins(15);

/// Returns a client with the key in `STRIPE_SECRET_KEY`.
///
/// # Errors
/// If the variable is not set or holds no key.
pub(crate) fn client_from_env() -> Result<Stripe> {
    let key = variable(KEY).ok_or_else(|| {
        CliError::new(format!(
            "{KEY} is not set; set it to a secret or restricted key (sk_… or rk_…) of the Stripe account"
        ))
    })?;
    let keys = StripeKeys::new(SecretString::from(key), None).ok_or_else(|| {
        CliError::new(format!(
            "{KEY} does not hold a Stripe key; set it to a key that starts with sk_test_, sk_live_, rk_test_ or rk_live_"
        ))
    })?;
    client(&keys, KEY)
}

/// Returns whether `STRIPE_SECRET_KEY` is set.
pub(crate) fn has_key_in_env() -> bool {
    variable(KEY).is_some()
}

/// Returns a client with these keys. Error messages name `origin` as the source of the keys.
///
/// # Errors
/// If `STRIPE_API_BASE` is invalid.
pub(crate) fn client(keys: &StripeKeys, origin: &str) -> Result<Stripe> {
    let keys = StripeKeys {
        secret_key: keys.secret_key.clone(),
        publishable_key: keys.publishable_key.clone(),
        mode: keys.mode,
    };
    let transport = Arc::new(Transport::new(Https::new(), api_base()?));
    let secret = Arc::new(StripeSecret::given(keys, origin));
    Ok(Stripe::new(transport, secret, Arc::new(CallLog::default()), Instant::now() + TIMEOUT))
}

/// Returns the mode of a publishable key. Error messages name `origin` as the source of the key.
///
/// # Errors
/// If the text is not a publishable key. The message does not quote it.
pub(crate) fn publishable_key_mode(key: &str, origin: &str) -> Result<Mode> {
    let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match key.get(..8).filter(|_| is_key) {
        Some("pk_live_") => Ok(Mode::Live),
        Some("pk_test_") => Ok(Mode::Test),
        _ => Err(CliError::new(format!(
            "{origin} is not a publishable key; use a key that starts with pk_test_ or pk_live_"
        ))),
    }
}

/// Returns the base URL of Stripe's API.
///
/// # Errors
/// If `STRIPE_API_BASE` is not an https URL without a path (or http on this machine).
pub(crate) fn api_base() -> Result<hyper::Uri> {
    let base = variable(BASE).unwrap_or_else(|| "https://api.stripe.com".to_owned());
    base_url(&base).ok_or_else(|| {
        CliError::new(format!(
            "{BASE} is \"{base}\"; set it to an https URL without a path (http is allowed for this machine)"
        ))
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
