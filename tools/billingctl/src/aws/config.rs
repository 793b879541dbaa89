//! Configuration of the AWS SDK.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::config::ProvideCredentials as _;
use shared::aws::sdk::retries;

use super::failure::AwsFailure;
use crate::error::{CliError, Result};

/// Timeouts longer than the functions'. An operator can wait, and a write that timed out may still
/// have been applied.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// Loads the configuration from the sources that the AWS CLI uses, with the certificates that this
/// machine trusts, because a company's proxy may be between this machine and AWS.
///
/// # Errors
/// If there is no region, or the credentials are missing or cannot be loaded.
pub(crate) async fn load() -> Result<SdkConfig> {
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries())
        .load()
        .await;
    if sdk.region().is_none() {
        return Err(CliError::new(
            "no AWS region is set; set AWS_REGION, for example AWS_REGION=eu-central-1",
        ));
    }
    let none = || AwsFailure::of_credentials(&CredentialsError::not_loaded("no provider"));
    let provider = sdk.credentials_provider().ok_or_else(none)?;
    let credentials = provider.provide_credentials().await;
    credentials.map_err(|error| AwsFailure::of_credentials(&error))?;
    Ok(sdk)
}
