//! Client and keys for Stripe.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use shared::StripeError;
use shared::aws::https::Https;
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::stripe::views::{Id, List};
use shared::stripe::{CallLog, Stripe, Transport, base_url};
use shared::values::Mode;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::customer::RetrieveCustomer;
use tokio::time::Instant;

use crate::error::{CliError, Result};
use crate::values::key_kind::KeyKind;

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
    client(&secret_key(SecretString::from(key), KEY)?, KEY)
}

/// Returns the keys with this secret key. Error messages name `origin` as its source.
///
/// # Errors
/// If the text is no secret or restricted key of Stripe. The message does not quote it.
pub(crate) fn secret_key(text: SecretString, origin: &str) -> Result<StripeKeys> {
    if let KeyKind::Api(_) = KeyKind::of(text.expose_secret()) {
        return Err(CliError::new(format!(
            "{origin} is an API key of this API, which Stripe does not know; copy a key from Stripe's dashboard (Developers, API keys)"
        )));
    }
    StripeKeys::new(text, None).ok_or_else(|| {
        CliError::new(format!(
            "{origin} is no secret key of Stripe; use a key that starts with rk_test_, rk_live_, sk_test_ or sk_live_"
        ))
    })
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
/// If `STRIPE_API_BASE` is not an https URL without a path (or http on this machine). The message does not quote it,
/// because it can contain a password.
pub(crate) fn api_base() -> Result<hyper::Uri> {
    let base = variable(BASE).unwrap_or_else(|| "https://api.stripe.com".to_owned());
    base_url(&base).ok_or_else(|| {
        CliError::new(format!(
            "{BASE} is not a base URL; set it to an https URL without a path and without a user name (http is allowed for this machine)"
        ))
    })
}

/// Checks with Stripe that the key is valid, may read, and belongs to the stack's Stripe account.
///
/// # Errors
/// If it does not, or if Stripe cannot be reached.
pub(crate) async fn check_key(new: &StripeKeys, stack: Option<&StripeKeys>) -> Result<()> {
    let new = client(new, "the new key")?;
    for path in ["/products", "/subscriptions"] {
        first_id(&new, path).await.map_err(|error| check_error(&error))?;
    }
    let Some(stack) = stack else { return Ok(()) };
    // The old key may be deleted already; then there is nothing to compare with.
    let stack = client(stack, "the stack's key")?;
    let Ok(Some(product)) = first_id(&stack, "/products").await else { return Ok(()) };
    let get = RequestBuilder::new(StripeMethod::Get, format!("/products/{product}"));
    match new.send_built::<Id>(get, None).await {
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(404) => Err(CliError::new(
            "this key belongs to another Stripe account than the stack's: it cannot read the stack's products; use a key of the stack's account",
        )),
        Err(error) => Err(check_error(&error)),
    }
}

/// State of a customer that an account is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CustomerState {
    Existing,
    Deleted,
    /// Stripe does not know the ID in this Stripe account and mode.
    Unknown,
}

/// Returns the state of the customer with this ID.
///
/// # Errors
/// If Stripe refuses the request for another reason, or cannot be reached.
pub(crate) async fn customer_state(
    stripe: &Stripe,
    id: &str,
) -> std::result::Result<CustomerState, StripeError> {
    #[derive(Deserialize, serde::Serialize)]
    struct Customer {
        #[serde(default)]
        deleted: bool,
    }
    match stripe.send::<Customer>(&RetrieveCustomer::new(id)).await {
        Ok(Customer { deleted: true }) => Ok(CustomerState::Deleted),
        Ok(_) => Ok(CustomerState::Existing),
        Err(StripeError::Refused { status: 404, .. }) => Ok(CustomerState::Unknown),
        Err(error) => Err(error),
    }
}

/// Returns the ID of the first object of a list, if there is one.
async fn first_id(stripe: &Stripe, path: &str) -> std::result::Result<Option<String>, StripeError> {
    let list = RequestBuilder::new(StripeMethod::Get, path).query(&json!({ "limit": 1 }));
    let list: List<Id> = stripe.send_built(list, None).await?;
    Ok(list.data.into_iter().next().map(|object| object.id))
}

fn check_error(error: &StripeError) -> CliError {
    match error {
        // The client reads the secret again after a 401, and a given key has no other source.
        StripeError::Secret(_) => CliError::new(
            "Stripe refused this key; copy it again from Stripe's dashboard. Nothing was changed",
        ),
        // Stripe's message quotes a part of the key, so only the permission's name is printed.
        StripeError::Refused { status: 403, error, .. } => {
            let message = error.message.as_deref().unwrap_or_default();
            let permission = message.split('\'').find(|word| word.starts_with("rak_"));
            CliError::new(format!(
                "this key lacks a permission that every function needs ({}); add it in Stripe's dashboard. Nothing was changed",
                permission.unwrap_or("to read products and subscriptions")
            ))
        }
        _ => CliError::new(format!(
            "the key could not be checked with Stripe ({error}); nothing was changed. --skip-check stores it without the check"
        )),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
