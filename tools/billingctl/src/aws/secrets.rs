//! Secrets in Secrets Manager: the Stripe keys and the quote keys.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use billingctl::quote_keys::QuoteKeys;
use secrecy::{ExposeSecret as _, SecretString};
use shared::aws::secrets::StripeKeys;
use shared::values::{Mode, Timestamp};

use super::failure::{self, AwsFailure};
use super::resource::ResourceStatus;
use crate::error::{CliError, Result};
use crate::values::key_kind::KeyKind;

/// A secret could not be read or used. No text contains the secret.
#[derive(Debug)]
pub(crate) enum SecretFailure {
    /// There is no secret with this ID.
    Missing(String),
    /// The secret with this ID has no value, as after the first deployment of a stack.
    Empty(String),
    /// The secret has another format; the text says which.
    Malformed { found: String, advice: &'static str },
    /// AWS refused the call or did not respond.
    Aws(AwsFailure),
}

impl SecretFailure {
    /// Returns the failure.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Missing(id) => {
                format!("there is no secret \"{id}\" in this AWS account and region")
            }
            Self::Empty(id) => format!("the secret {id} has no value yet"),
            Self::Malformed { found, .. } => found.clone(),
            Self::Aws(failure) => failure.found.clone(),
        }
    }

    /// Returns the operator's next step.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Missing(_) => {
                "create it with `billingctl setup`, or name the stack's with --profile or the option for this secret"
            }
            Self::Empty(_) => {
                "store its value; `billingctl setup --replace-secrets` stores Stripe's keys"
            }
            Self::Malformed { advice, .. } => advice,
            Self::Aws(failure) => failure.advice,
        }
    }
}

impl From<SecretFailure> for CliError {
    fn from(failure: SecretFailure) -> Self {
        Self::new(format!("{}; {}", failure.found(), failure.advice()))
    }
}

/// Reads Stripe's keys, and parses them with the code that the functions use.
///
/// # Errors
/// If the secret cannot be read or has another format.
pub(crate) async fn stripe_keys(
    sdk: &SdkConfig,
    id: &str,
) -> std::result::Result<StripeKeys, SecretFailure> {
    Ok(stripe_keys_version(&Client::new(sdk), id).await?.value)
}

/// Reads Stripe's keys like [`stripe_keys`], with the time of the change.
pub(crate) async fn stripe_keys_version(
    client: &Client,
    id: &str,
) -> std::result::Result<Version<StripeKeys>, SecretFailure> {
    const ADVICE: &str = "store Stripe's keys with `billingctl setup --replace-secrets`";
    let Version { value: text, changed_at } = read(client, id).await?;
    let malformed = |found| SecretFailure::Malformed { found, advice: ADVICE };
    let value = StripeKeys::parse(id, &text).map_err(|error| malformed(error.to_string()))?;
    if let KeyKind::Api(_) = KeyKind::of(value.secret_key.expose_secret()) {
        let found = format!("the secret {id} holds an API key of this API instead of Stripe's key");
        return Err(malformed(found));
    }
    Ok(Version { value, changed_at })
}

/// Reads Stripe's keys. Returns `None` if the secret is missing, empty or malformed, so that a command can replace it.
///
/// # Errors
/// If AWS refuses the call or does not respond.
pub(crate) async fn existing_stripe_keys(sdk: &SdkConfig, id: &str) -> Result<Option<StripeKeys>> {
    match stripe_keys(sdk, id).await {
        Ok(keys) => Ok(Some(keys)),
        Err(
            SecretFailure::Missing(_) | SecretFailure::Empty(_) | SecretFailure::Malformed { .. },
        ) => Ok(None),
        Err(SecretFailure::Aws(failure)) => Err(failure.into()),
    }
}

/// Value of a secret, and the time at which it was stored.
pub(crate) struct Version<T> {
    pub(crate) value: T,
    /// `None` if AWS does not say.
    pub(crate) changed_at: Option<Timestamp>,
}

/// Reads the current value.
pub(crate) async fn read(
    client: &Client,
    id: &str,
) -> std::result::Result<Version<SecretString>, SecretFailure> {
    let response = match client.get_secret_value().secret_id(id).send().await {
        Ok(response) => response,
        Err(error) if failure::code(&error) == Some("ResourceNotFoundException") => {
            // AWS responds the same to a missing secret and to one without a value.
            return Err(match describe(client, id).await {
                Ok(true) => SecretFailure::Empty(id.to_owned()),
                Ok(false) => SecretFailure::Missing(id.to_owned()),
                Err(failure) => SecretFailure::Aws(failure),
            });
        }
        Err(error) => {
            let failure = AwsFailure::new(format_args!("read the secret {id}"), &error);
            return Err(SecretFailure::Aws(failure));
        }
    };
    let changed_at = response.created_date().and_then(|date| Timestamp::try_from(date.secs()).ok());
    let value = response.secret_string.map(SecretString::from);
    let value = value.ok_or_else(|| SecretFailure::Malformed {
        found: format!("the secret {id} has no text"),
        advice: "restore its previous version in Secrets Manager",
    })?;
    Ok(Version { value, changed_at })
}

/// Returns the text of a Stripe secret. The characters of both keys need no JSON escapes.
pub(crate) fn stripe_secret(keys: &StripeKeys, publishable_key: &str) -> SecretString {
    let secret_key = keys.secret_key.expose_secret();
    SecretString::from(format!(
        r#"{{"secretKey":"{secret_key}","publishableKey":"{publishable_key}"}}"#
    ))
}

/// Reads the quote keys.
///
/// # Errors
/// If the secret cannot be read or has another format.
pub(crate) async fn quote_keys(
    client: &Client,
    id: &str,
) -> std::result::Result<QuoteKeys, SecretFailure> {
    Ok(quote_keys_version(client, id).await?.value)
}

/// Reads the quote keys like [`quote_keys`], with the time of the change.
pub(crate) async fn quote_keys_version(
    client: &Client,
    id: &str,
) -> std::result::Result<Version<QuoteKeys>, SecretFailure> {
    let Version { value: text, changed_at } = read(client, id).await?;
    let value = QuoteKeys::parse(&text).ok_or_else(|| SecretFailure::Malformed {
        found: format!(
            r#"the secret {id} does not hold quote keys ({{"current": "ID", "ID": "32 or more characters"}})"#
        ),
        advice: "restore its previous version in Secrets Manager, or delete it and run `billingctl setup`",
    })?;
    Ok(Version { value, changed_at })
}

/// Reads the mode of the API key in a secret, with the time of the change.
pub(crate) async fn api_key_mode(
    client: &Client,
    id: &str,
) -> std::result::Result<Version<Mode>, SecretFailure> {
    let Version { value: text, changed_at } = read(client, id).await?;
    match KeyKind::of(text.expose_secret().trim()) {
        KeyKind::Api(value) => Ok(Version { value, changed_at }),
        _ => Err(SecretFailure::Malformed {
            found: format!("the secret {id} does not hold an API key of this API"),
            advice: "store a key of `billingctl keys create` in it",
        }),
    }
}

/// Returns whether the secret exists.
pub(crate) async fn exists(client: &Client, id: &str) -> Result<bool> {
    Ok(describe(client, id).await?)
}

async fn describe(client: &Client, id: &str) -> std::result::Result<bool, AwsFailure> {
    match client.describe_secret().secret_id(id).send().await {
        Ok(_) => Ok(true),
        Err(error) if failure::code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(AwsFailure::new(format_args!("describe the secret {id}"), &error)),
    }
}

/// Creates the secret unless it exists. An ARN names an existing one: AWS accepts no ARN as the name of a new secret.
///
/// # Errors
/// If there is no secret with the ARN, or AWS refuses the call.
pub(crate) async fn create(
    client: &Client,
    id: &str,
    text: &SecretString,
) -> Result<ResourceStatus> {
    if exists(client, id).await? {
        return Ok(ResourceStatus::Exists);
    }
    if id.starts_with("arn:") {
        return Err(CliError::new(format!(
            "there is no secret {id}; use the ARNs in the outputs of the stack, in its AWS account and region"
        )));
    }
    match client.create_secret().name(id).secret_string(text.expose_secret()).send().await {
        Ok(_) => Ok(ResourceStatus::Created),
        Err(error) if failure::code(&error) == Some("ResourceExistsException") => {
            Ok(ResourceStatus::Exists)
        }
        Err(error) => {
            Err(AwsFailure::of_write(format_args!("create the secret {id}"), &error).into())
        }
    }
}

/// Creates the secret, or replaces its value.
pub(crate) async fn create_or_replace(
    client: &Client,
    id: &str,
    text: &SecretString,
) -> Result<ResourceStatus> {
    match create(client, id, text).await? {
        ResourceStatus::Exists => replace(client, id, text).await,
        status => Ok(status),
    }
}

/// Replaces the value of an existing secret.
pub(crate) async fn replace(
    client: &Client,
    id: &str,
    text: &SecretString,
) -> Result<ResourceStatus> {
    let put = client.put_secret_value().secret_id(id).secret_string(text.expose_secret());
    put.send().await.map(|_| ResourceStatus::Replaced).map_err(|error| {
        AwsFailure::of_write(format_args!("replace the secret {id}"), &error).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripe_secret_has_the_format_that_the_functions_read() {
        let keys = StripeKeys::new(SecretString::from("rk_test_1"), None).expect("a key");
        assert_eq!(
            stripe_secret(&keys, "pk_test_1").expose_secret(),
            r#"{"secretKey":"rk_test_1","publishableKey":"pk_test_1"}"#
        );
    }
}
