//! The secrets. A pepper is made once and never overwritten: with it would go every API key.

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret as _, SecretString};
use shared::auth::Mode;
use shared::secrets::{Pepper, Peppers, StripeKeys};

use super::{Named, Status};
use crate::cli::{Global, Setup};
use crate::error::{self, Failure, Result};
use crate::output::note;

/// The variable of each key, which is the only way in: an argument would be in the shell's history.
const READ: &str = "STRIPE_READ_KEY";
const WRITE: &str = "STRIPE_WRITE_KEY";
const PUBLISHABLE: &str = "STRIPE_PUBLISHABLE_KEY";

/// The Stripe keys that the environment holds.
pub(super) struct Given {
    read: Option<StripeKeys>,
    write: Option<StripeKeys>,
    publishable: Option<String>,
}

impl Given {
    /// Refuses what is no key, and keys of two modes at once.
    pub(super) fn from_env() -> Result<Self> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let key = |name| {
            let keys = get(name).map(|key| StripeKeys::new(SecretString::from(key), None));
            let wrong = || {
                Failure::new(format!(
                    "{name} holds no Stripe key; it has to begin with rk_test_, rk_live_, sk_test_ or sk_live_"
                ))
            };
            keys.map(|keys| keys.ok_or_else(wrong)).transpose()
        };
        let given = Self { read: key(READ)?, write: key(WRITE)?, publishable: get(PUBLISHABLE) };
        let publishable = given.publishable.as_deref().map(publishable_mode).transpose()?;
        let mut modes = [
            given.read.as_ref().map(|keys| keys.mode),
            given.write.as_ref().map(|keys| keys.mode),
            publishable,
        ]
        .into_iter()
        .flatten();
        let first = modes.next();
        if modes.any(|mode| Some(mode) != first) {
            return Err(Failure::new(format!(
                "{READ}, {WRITE} and {PUBLISHABLE} are not all of the same mode; take all live or all test keys"
            )));
        }
        Ok(given)
    }
}

pub(crate) fn publishable_mode(key: &str) -> Result<Mode> {
    let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match key.get(..8).filter(|_| is_key) {
        Some("pk_live_") => Ok(Mode::Live),
        Some("pk_test_") => Ok(Mode::Test),
        _ => Err(Failure::new(format!(
            "{PUBLISHABLE} or --publishable-key holds no publishable key; it has to begin with pk_test_ or pk_live_"
        ))),
    }
}

pub(super) async fn ensure(
    client: &Client,
    global: &Global,
    wanted: &Setup,
    given: &Given,
) -> Result<Vec<Named>> {
    let pepper = create(client, &global.pepper_secret, &pepper()?.to_secret()).await?;
    let mut secrets = vec![Named { name: global.pepper_secret.clone(), status: pepper }];
    for (name, variable, keys) in [
        (&wanted.stripe_read_secret, READ, &given.read),
        (&wanted.stripe_write_secret, WRITE, &given.write),
    ] {
        let text = keys.as_ref().and_then(|keys| stripe_text(keys, given.publishable.as_deref()));
        let status = match &text {
            Some(text) => create_or_replace(client, name, text, wanted.replace_secrets).await?,
            None if exists(client, name).await? => Status::Exists,
            None => Status::Missing,
        };
        if status == Status::Missing {
            note(format_args!(
                "the secret {name} is missing: set {variable} and {PUBLISHABLE} and run `billingctl setup` again"
            ));
        }
        if status == Status::Exists && text.is_some() {
            note(format_args!(
                "the secret {name} is there and stays as it is; --replace-secrets puts {variable} into it"
            ));
        }
        secrets.push(Named { name: name.clone(), status });
    }
    if given.read.as_ref().is_some_and(|keys| !keys.is_restricted()) {
        note(format_args!(
            "{READ} is an unrestricted key; a restricted one (rk_…) with read permissions is all that the read functions need"
        ));
    }
    Ok(secrets)
}

/// One that nobody has seen.
fn pepper() -> Result<Peppers> {
    Ok(Peppers { current: Pepper::random()?, previous: None })
}

/// The form that `shared::secrets` reads. Both keys are of a form that needs no escaping.
pub(crate) fn stripe_text(keys: &StripeKeys, publishable: Option<&str>) -> Option<SecretString> {
    let secret = keys.secret_key.expose_secret();
    Some(SecretString::from(format!(
        r#"{{"secretKey":"{secret}","publishableKey":"{}"}}"#,
        publishable?
    )))
}

async fn exists(client: &Client, name: &str) -> Result<bool> {
    match client.describe_secret().secret_id(name).send().await {
        Ok(_) => Ok(true),
        Err(error) if error::code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(error::aws(format_args!("look for the secret {name}"), &error)),
    }
}

/// Creating is what tells whether it is there: looking first would leave a moment in between.
pub(crate) async fn create(client: &Client, name: &str, text: &SecretString) -> Result<Status> {
    match client.create_secret().name(name).secret_string(text.expose_secret()).send().await {
        Ok(_) => Ok(Status::Created),
        Err(error) if error::code(&error) == Some("ResourceExistsException") => Ok(Status::Exists),
        Err(error) => Err(error::aws(format_args!("create the secret {name}"), &error)),
    }
}

pub(crate) async fn create_or_replace(
    client: &Client,
    name: &str,
    text: &SecretString,
    replace: bool,
) -> Result<Status> {
    match create(client, name, text).await? {
        Status::Exists if replace => {
            let outcome = client
                .put_secret_value()
                .secret_id(name)
                .secret_string(text.expose_secret())
                .send()
                .await;
            outcome
                .map(|_| Status::Replaced)
                .map_err(|error| error::aws(format_args!("replace the secret {name}"), &error))
        }
        status => Ok(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(keys: &[(&str, &str)]) -> Result<Given> {
        Given::from_lookup(|name| {
            keys.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_pepper_is_32_random_bytes_in_hexadecimal() {
        let text = pepper().expect("random numbers").to_secret();
        let value: serde_json::Value = serde_json::from_str(text.expose_secret()).expect("JSON");
        let hex = value["pepper"].as_str().expect("text");
        assert!(hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hex}");
        let other = pepper().expect("random numbers").to_secret();
        assert_ne!(other.expose_secret(), text.expose_secret());
    }

    #[test]
    fn a_stripe_secret_has_both_keys_or_is_none() {
        let keys = given(&[(READ, "rk_test_1"), (PUBLISHABLE, "pk_test_1")]).expect("fit");
        let text = |publishable| stripe_text(keys.read.as_ref().expect("given"), publishable);
        assert_eq!(
            text(Some("pk_test_1")).expect("both").expose_secret(),
            r#"{"secretKey":"rk_test_1","publishableKey":"pk_test_1"}"#
        );
        assert!(text(None).is_none());
        assert!(keys.write.is_none());
    }

    #[test]
    fn what_is_no_key_is_refused_by_name_and_never_quoted() {
        for (name, value) in [
            (READ, "hunter2"),
            (WRITE, "pk_test_hunter2"),
            (PUBLISHABLE, "sk_test_hunter2"),
            (PUBLISHABLE, "pk_test_hunter2\""),
        ] {
            let error = given(&[(name, value)]).err().expect(name).to_string();
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn keys_of_two_modes_are_refused() {
        assert!(given(&[(READ, "rk_test_1"), (WRITE, "rk_live_1")]).is_err());
        assert!(given(&[(READ, "rk_test_1"), (PUBLISHABLE, "pk_live_1")]).is_err());
        assert!(
            given(&[(READ, "rk_live_1"), (WRITE, "sk_live_1"), (PUBLISHABLE, "pk_live_1")]).is_ok()
        );
    }
}
