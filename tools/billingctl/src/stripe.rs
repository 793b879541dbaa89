//! Stripe, with the key that the environment holds.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use shared::config::stripe_base;
use shared::https::Https;
use shared::respond::Timings;
use shared::secrets::{Secrets, StripeKeys};
use shared::stripe::{Stripe, Transport};
use tokio::time::Instant;

use crate::error::{Failure, Result};

const KEY: &str = "STRIPE_SECRET_KEY";
const BASE: &str = "STRIPE_API_BASE";

/// A whole catalogue is some sixty calls; what takes longer than this hangs.
const LONGEST_RUN: Duration = Duration::from_mins(15);

/// A client for the account of `STRIPE_SECRET_KEY`.
pub(crate) fn from_env() -> Result<Stripe> {
    let key = set(KEY).ok_or_else(|| {
        Failure::new(format!("{KEY} is not set; set it to a secret or restricted key (sk_… or rk_…) of the Stripe account"))
    })?;
    let keys = StripeKeys::new(SecretString::from(key), None)
        .ok_or_else(|| Failure::new(format!("{KEY} holds no Stripe key; it has to begin with sk_test_, sk_live_, rk_test_ or rk_live_")))?;
    with(keys, KEY)
}

/// Whether there is a key in `STRIPE_SECRET_KEY` at all.
pub(crate) fn is_given() -> bool {
    set(KEY).is_some()
}

/// A client for the account of these keys; `origin` says in errors where they are from.
pub(crate) fn with(keys: StripeKeys, origin: &str) -> Result<Stripe> {
    let (transport, secrets) =
        (Arc::new(Transport::new(Https::new(), base()?)), Arc::new(Secrets::given(keys, origin)));
    Ok(Stripe::new(transport, secrets, Arc::new(Timings::start()), Instant::now() + LONGEST_RUN))
}

/// Where Stripe is.
pub(crate) fn base() -> Result<hyper::Uri> {
    let base = set(BASE).unwrap_or_else(|| "https://api.stripe.com".to_owned());
    stripe_base(&base).ok_or_else(|| {
        Failure::new(format!("{BASE} is \"{base}\"; it has to be an https URL without a path (http only for this machine)"))
    })
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
