//! Configuration of the AWS SDK.

use std::time::Duration;

use aws_config::credential_process::CredentialProcessProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::config::{ProvideCredentials, SharedCredentialsProvider};
use shared::aws::sdk::retries;

use super::failure::AwsFailure;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;

/// Timeouts longer than the functions'. An operator can wait, and a write that timed out may still
/// have been applied.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// Loads the configuration from the stack's profile and the sources that the AWS CLI uses, with the certificates
/// that this machine trusts, because a company's proxy may be between this machine and AWS.
///
/// # Errors
/// If there is no region, or the credentials are missing or cannot be loaded.
pub(crate) async fn load(options: &GlobalOptions) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries());
    let stack = options.profile.as_ref();
    let stack_profile = stack.and_then(|stack| stack.aws_profile.clone());
    if let Some(stack) = stack {
        loader = loader.region(Region::new(stack.region.clone()));
    }
    // The profile that a stack names comes before credentials in the environment, which may be another account's.
    if let Some(name) = &stack_profile {
        let region = stack.map(|stack| Region::new(stack.region.clone()));
        loader = loader.profile_name(name).credentials_provider(profile_provider(name, region));
    }
    let sdk = loader.load().await;
    let aws_profile = stack_profile.or_else(|| variable("AWS_PROFILE"));
    let has_region = sdk.region().is_some();
    // An AWS profile that does not exist has no region either, which is not the cause.
    let sdk = if has_region || aws_profile.is_some() {
        with_credentials(sdk, aws_profile.as_deref()).await?
    } else {
        sdk
    };
    if has_region {
        Ok(sdk)
    } else {
        Err(CliError::new(
            "no AWS region is set; set AWS_REGION, for example AWS_REGION=eu-central-1, or name a deployed stack with --profile",
        ))
    }
}

/// Checks that there are credentials. Those of a profile with SSO come from the AWS CLI, which has signed in.
async fn with_credentials(
    sdk: SdkConfig,
    aws_profile: Option<&str>,
) -> std::result::Result<SdkConfig, AwsFailure> {
    let error = match sdk.credentials_provider() {
        Some(provider) => match provider.provide_credentials().await {
            Ok(_) => return Ok(sdk),
            Err(error) => error,
        },
        None => CredentialsError::not_loaded("no provider"),
    };
    let name = aws_profile.or_else(|| AwsFailure::needs_cli(&error).then_some("default"));
    let Some(name) = name else { return Err(AwsFailure::of_credentials(&error)) };
    // The chain of all sources does not say what is wrong with the profile.
    let profile = profile_provider(name, sdk.region().cloned());
    let error = profile.provide_credentials().await.err().unwrap_or(error);
    if !AwsFailure::needs_cli(&error) {
        return Err(AwsFailure::of_profile(name, &error));
    }
    let cli = SharedCredentialsProvider::new(aws_cli(name));
    match cli.provide_credentials().await {
        Ok(_) => Ok(sdk.into_builder().credentials_provider(cli).build()),
        Err(error) => Err(AwsFailure::of_sso(name, &error)),
    }
}

fn profile_provider(name: &str, region: Option<Region>) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(region);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build()
}

/// Returns the credentials that the AWS CLI has for a profile.
fn aws_cli(profile: &str) -> CredentialProcessProvider {
    let quoted = profile.replace('\'', r"'\''");
    CredentialProcessProvider::new(format!(
        "exec aws configure export-credentials --format process --profile '{quoted}'"
    ))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
