//! Secrets in Secrets Manager: the Stripe keys and the quote keys.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use billingctl::quote_keys::QuoteKeys;
use secrecy::{ExposeSecret as _, SecretString};
use shared::aws::secrets::{SecretError, StripeKeys, StripeSecret};

use super::resource::ResourceStatus;
use crate::error::{self, CliError, Result};

/// Reads Stripe's keys with the code that the functions use.
///
/// # Errors
/// If the secret cannot be read or has another format.
pub(crate) async fn stripe_keys(
    sdk: &SdkConfig,
    id: &str,
) -> std::result::Result<Arc<StripeKeys>, SecretError> {
    StripeSecret::new(Client::new(sdk), id.to_owned()).keys().await
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
pub(crate) async fn quote_keys(client: &Client, id: &str) -> Result<QuoteKeys> {
    let response = client.get_secret_value().secret_id(id).send().await.map_err(|error| {
        let error = error::from_aws(format_args!("read the secret {id}"), &error);
        CliError::new(format!("{error}; `billingctl setup` creates the secret"))
    })?;
    let text = SecretString::from(response.secret_string.unwrap_or_default());
    QuoteKeys::parse(&text).ok_or_else(|| {
        CliError::new(format!(
            r#"the secret {id} does not hold quote keys ({{"current": "ID", "ID": "32 or more characters"}}); fix it in Secrets Manager, or delete it and run `billingctl setup`"#
        ))
    })
}

/// Returns whether the secret exists.
pub(crate) async fn exists(client: &Client, id: &str) -> Result<bool> {
    match client.describe_secret().secret_id(id).send().await {
        Ok(_) => Ok(true),
        Err(error) if error::aws_code(&error) == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(error::from_aws(format_args!("describe the secret {id}"), &error)),
    }
}

/// Creates the secret unless it exists.
pub(crate) async fn create(
    client: &Client,
    id: &str,
    text: &SecretString,
) -> Result<ResourceStatus> {
    match client.create_secret().name(id).secret_string(text.expose_secret()).send().await {
        Ok(_) => Ok(ResourceStatus::Created),
        Err(error) if error::aws_code(&error) == Some("ResourceExistsException") => {
            Ok(ResourceStatus::Exists)
        }
        Err(error) => Err(error::from_aws(format_args!("create the secret {id}"), &error)),
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
        .map_err(|error| error::from_aws(format_args!("replace the secret {id}"), &error))
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
