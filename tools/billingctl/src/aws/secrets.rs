//! Secrets in Secrets Manager: the Stripe keys and the quote keys.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use billingctl::quote_keys::QuoteKeys;
use secrecy::{ExposeSecret as _, SecretString};
use shared::aws::secrets::StripeKeys;

use super::failure::{self, AwsFailure};
use super::resource::ResourceStatus;
use crate::error::{CliError, Result};

/// A secret could not be read or used. No text contains the secret.
#[derive(Debug)]
pub(crate) enum SecretFailure {
    /// There is no secret with this ID.
    Missing(String),
    /// The secret has another format; the text says which.
    Malformed(String),
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
            Self::Malformed(text) => text.clone(),
            Self::Aws(failure) => failure.found.clone(),
        }
    }

    /// Returns the operator's next step.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Missing(_) => "create it with `billingctl setup`",
            Self::Malformed(_) => {
                "fix it in Secrets Manager, or delete it and run `billingctl setup`"
            }
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
    let text = read(&Client::new(sdk), id).await?;
    StripeKeys::parse(id, &text).map_err(|error| SecretFailure::Malformed(error.to_string()))
}

/// Reads Stripe's keys. Returns `None` if the secret is missing or malformed, so that a command can replace it.
///
/// # Errors
/// If AWS refuses the call or does not respond.
pub(crate) async fn existing_stripe_keys(sdk: &SdkConfig, id: &str) -> Result<Option<StripeKeys>> {
    match stripe_keys(sdk, id).await {
        Ok(keys) => Ok(Some(keys)),
        Err(SecretFailure::Missing(_) | SecretFailure::Malformed(_)) => Ok(None),
        Err(SecretFailure::Aws(failure)) => Err(failure.into()),
    }
}

async fn read(client: &Client, id: &str) -> std::result::Result<SecretString, SecretFailure> {
    let response = client.get_secret_value().secret_id(id).send().await.map_err(|error| {
        if failure::code(&error) == Some("ResourceNotFoundException") {
            return SecretFailure::Missing(id.to_owned());
        }
        SecretFailure::Aws(AwsFailure::new(format_args!("read the secret {id}"), &error))
    })?;
    let text = response.secret_string.map(SecretString::from);
    text.ok_or_else(|| SecretFailure::Malformed(format!("the secret {id} has no text")))
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
    QuoteKeys::parse(&read(client, id).await?).ok_or_else(|| {
        SecretFailure::Malformed(format!(
            r#"the secret {id} does not hold quote keys ({{"current": "ID", "ID": "32 or more characters"}})"#
        ))
    })
}

/// Returns whether the secret exists.
pub(crate) async fn exists(client: &Client, id: &str) -> Result<bool> {
    match client.describe_secret().secret_id(id).send().await {
        Ok(_) => Ok(true),
        Err(error) if failure::code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(AwsFailure::new(format_args!("describe the secret {id}"), &error).into()),
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
        Err(error) => Err(AwsFailure::new(format_args!("create the secret {id}"), &error).into()),
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
    put.send()
        .await
        .map(|_| ResourceStatus::Replaced)
        .map_err(|error| AwsFailure::new(format_args!("replace the secret {id}"), &error).into())
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
