//! Creates the secrets. Stripe's keys come from the environment; the quote key is generated.

use aws_sdk_secretsmanager::Client;
use billingctl::quote_keys::{FIRST_ID, QuoteKeys};
use secrecy::SecretString;
use shared::aws::secrets::StripeKeys;

use crate::aws::resource::{Resource, ResourceStatus};
use crate::aws::secrets;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::stripe;

// Variables, because arguments stay in the shell's history.
const READ: &str = "STRIPE_READ_KEY";
const WRITE: &str = "STRIPE_WRITE_KEY";
const PUBLISHABLE: &str = "STRIPE_PUBLISHABLE_KEY";

/// Stripe keys in the environment.
pub(super) struct StripeKeysFromEnv {
    read: Option<StripeKeys>,
    write: Option<StripeKeys>,
    publishable: Option<String>,
}

impl StripeKeysFromEnv {
    /// Reads the variables that are set.
    ///
    /// # Errors
    /// If one does not hold a key, or if the keys are of two modes.
    pub(super) fn read() -> Result<Self> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Checks that there is a key to replace another with.
    ///
    /// # Errors
    /// If neither secret key is set, or if the publishable key is not.
    pub(super) fn expect_replacement(&self) -> Result<()> {
        let missing = match (&self.read, &self.write, &self.publishable) {
            (None, None, _) => format!("neither {READ} nor {WRITE} is set"),
            (_, _, None) => format!("{PUBLISHABLE} is not set"),
            _ => return Ok(()),
        };
        Err(CliError::new(format!(
            "--replace-secrets has nothing to store because {missing}; set {PUBLISHABLE} and {READ}, {WRITE} or both; nothing was changed"
        )))
    }

    /// Checks with Stripe that the keys are valid, may read, and belong to one Stripe account.
    ///
    /// # Errors
    /// If one does not. The message names its variable.
    pub(super) async fn check(&self) -> Result<()> {
        for (name, key, other) in
            [(READ, &self.read, None), (WRITE, &self.write, self.read.as_ref())]
        {
            let Some(key) = key else { continue };
            let checked = stripe::check_key(key, other).await;
            checked.map_err(|error| CliError::new(format!("{name}: {error}")))?;
        }
        Ok(())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let secret_key = |name| {
            get(name).map(|key| stripe::secret_key(SecretString::from(key), name)).transpose()
        };
        let (read, write, publishable) = (secret_key(READ)?, secret_key(WRITE)?, get(PUBLISHABLE));
        let publishable_mode = publishable
            .as_deref()
            .map(|key| stripe::publishable_key_mode(key, PUBLISHABLE))
            .transpose()?;
        let mut modes = [
            read.as_ref().map(|keys| keys.mode),
            write.as_ref().map(|keys| keys.mode),
            publishable_mode,
        ]
        .into_iter()
        .flatten();
        let first = modes.next();
        if modes.any(|mode| Some(mode) != first) {
            return Err(CliError::new(format!(
                "{READ}, {WRITE} and {PUBLISHABLE} are of different modes; use live keys only, or test keys only"
            )));
        }
        Ok(Self { read, write, publishable })
    }
}

/// Creates the secret with a new quote key unless it exists.
pub(super) async fn ensure_quote_keys(
    client: &Client,
    options: &GlobalOptions,
) -> Result<Resource> {
    let name = options.quote_keys_secret.clone();
    let status = secrets::create(client, &name, &QuoteKeys::random(FIRST_ID)?.to_secret()).await?;
    Ok(Resource { name, status })
}

/// Creates the two secrets with Stripe's keys, as far as the keys are given.
pub(super) async fn ensure_stripe_keys(
    client: &Client,
    options: &GlobalOptions,
    keys: &StripeKeysFromEnv,
    replace: bool,
) -> Result<[Resource; 2]> {
    if keys.read.as_ref().is_some_and(|keys| !keys.is_restricted()) {
        note(format_args!(
            "{READ} is an unrestricted key; the GET functions need only a restricted key (rk_…) with read permissions"
        ));
    }
    let publishable = keys.publishable.as_deref();
    let ensure = async |name: &String, variable, key: &Option<StripeKeys>| -> Result<Resource> {
        let text = key.as_ref().zip(publishable);
        let text = text.map(|(key, publishable)| secrets::stripe_secret(key, publishable));
        let status = match &text {
            Some(text) if replace => secrets::create_or_replace(client, name, text).await?,
            Some(text) => secrets::create(client, name, text).await?,
            None if secrets::exists(client, name).await? => ResourceStatus::Exists,
            None => ResourceStatus::Missing,
        };
        if status == ResourceStatus::Missing {
            note(format_args!(
                "the secret {name} is missing; set {variable} and {PUBLISHABLE} and run `billingctl setup` again"
            ));
        }
        if status == ResourceStatus::Exists && text.is_some() {
            note(format_args!(
                "the secret {name} exists and stays as it is; --replace-secrets stores the key in {variable}"
            ));
        }
        Ok(Resource { name: name.clone(), status })
    };
    Ok([
        ensure(&options.read_secret, READ, &keys.read).await?,
        ensure(&options.write_secret, WRITE, &keys.write).await?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<StripeKeysFromEnv> {
        StripeKeysFromEnv::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn keys_that_are_not_set_are_absent() {
        let keys = read(&[(READ, "rk_test_1"), (PUBLISHABLE, "pk_test_1")]).expect("valid");
        assert!(keys.read.is_some() && keys.write.is_none());
        assert_eq!(keys.publishable.as_deref(), Some("pk_test_1"));
    }

    #[test]
    fn malformed_key_is_refused_with_its_variable_and_without_its_text() {
        for (name, value) in [
            (READ, "hunter2"),
            (WRITE, "pk_test_hunter2"),
            (PUBLISHABLE, "sk_test_hunter2"),
            (PUBLISHABLE, "pk_test_hunter2\""),
        ] {
            let error = read(&[(name, value)]).err().expect(name).to_string();
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn replacement_needs_a_secret_key_and_the_publishable_key() {
        for (variables, missing) in [
            (&[][..], Some("neither STRIPE_READ_KEY nor STRIPE_WRITE_KEY")),
            (&[(PUBLISHABLE, "pk_test_1")], Some("neither STRIPE_READ_KEY nor STRIPE_WRITE_KEY")),
            (&[(READ, "rk_test_1")], Some("STRIPE_PUBLISHABLE_KEY is not set")),
            (&[(WRITE, "rk_test_1"), (PUBLISHABLE, "pk_test_1")], None),
        ] {
            let keys = read(variables).expect("valid keys");
            let error = keys.expect_replacement().err().map(|error| error.to_string());
            assert_eq!(error.is_some(), missing.is_some(), "{error:?}");
            assert!(error.unwrap_or_default().contains(missing.unwrap_or_default()));
        }
    }

    #[test]
    fn keys_of_different_modes_are_refused() {
        assert!(read(&[(READ, "rk_test_1"), (WRITE, "rk_live_1")]).is_err());
        assert!(read(&[(READ, "rk_test_1"), (PUBLISHABLE, "pk_live_1")]).is_err());
        assert!(
            read(&[(READ, "rk_live_1"), (WRITE, "sk_live_1"), (PUBLISHABLE, "pk_live_1")]).is_ok()
        );
    }
}
