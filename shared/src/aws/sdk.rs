//! Settings of the AWS clients: timeouts, retries, region and credentials.

use std::time::Duration;

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::meta::region::ProvideRegion as _;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::https::Https;

/// Returns the timeouts: DynamoDB and Secrets Manager respond within some ten milliseconds, so a
/// second without a response means a failure.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

/// Returns the retry policy: at most three attempts.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// Loads the configuration of a Lambda function from the environment.
///
/// Lambda passes credentials and region as environment variables; no other provider is linked into
/// the binary. The SDK reads `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`, which lead to the
/// local stack.
pub async fn of_lambda(https: &Https) -> SdkConfig {
    let mut config = SdkConfig::builder();
    // CloudTrail shows this name in the user agent.
    config.set_app_name(value("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    config
        .behavior_version(BehaviorVersion::latest())
        .http_client(https.for_aws())
        .timeout_config(timeouts())
        .retry_config(retries())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .use_fips(is_set("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_set("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Environment)
        .build()
}

fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_set(name: &str) -> bool {
    value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Service settings from the environment. A service's own variable, such as
/// `AWS_ENDPOINT_URL_DYNAMODB`, wins over the general one.
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        value(&format!("{}_{service}", key.env())).or_else(|| value(key.env()))
    }
}
