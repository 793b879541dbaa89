//! AWS, once it is clear that there is a region and someone to be.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials as _;
use shared::aws::retries;
use shared::secrets::Secrets;

use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::table::Table;

/// An operator can wait longer than a caller, and a write that is given up too soon may be done all the same.
fn patience() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// The SDK's configuration, from wherever the AWS CLI would take it; and the certificates that this
/// machine trusts, as there may be a company's proxy between here and AWS. What is missing is said here,
/// once, and not by the first call that fails.
pub(crate) async fn sdk() -> Result<SdkConfig> {
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(patience())
        .retry_config(retries())
        .load()
        .await;
    if sdk.region().is_none() {
        return Err(Failure::new(
            "there is no AWS region; set AWS_REGION, such as AWS_REGION=eu-central-1",
        ));
    }
    let none = || {
        Failure::new(
            "there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
             (after `aws sso login`: eval \"$(aws configure export-credentials --format env)\")",
        )
    };
    sdk.credentials_provider().ok_or_else(none)?.provide_credentials().await.map_err(|_| none())?;
    Ok(sdk)
}

/// The table that the command line names.
pub(crate) fn table(sdk: &SdkConfig, global: &Global) -> Table {
    Table::new(aws_sdk_dynamodb::Client::new(sdk), global.table.clone())
}

/// The secrets that the functions read.
pub(crate) fn secrets(sdk: &SdkConfig, stripe: &str, pepper: &str) -> Secrets {
    Secrets::new(aws_sdk_secretsmanager::Client::new(sdk), stripe.to_owned(), pepper.to_owned())
}
