//! The AWS clients, with time-outs: an outside call without one is an outage waiting to happen.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// Credentials and region as the SDK finds them; `AWS_ENDPOINT_URL` is honoured, which is how the
/// local stack comes in.
pub async fn sdk_config() -> SdkConfig {
    // Both services answer within some ten milliseconds; what takes a second is not coming.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await
}
