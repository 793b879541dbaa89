//! Checks AWS's region and credentials.

use aws_config::SdkConfig;

use super::report::Report;
use crate::aws::config;
use crate::aws::failure::AwsFailure;
use crate::options::GlobalOptions;

/// Returns the SDK's configuration; `None` if AWS refuses the credentials, so that no other check of AWS
/// can run.
pub(super) async fn check(options: &GlobalOptions, report: &mut Report) -> Option<SdkConfig> {
    const CHECK: &str = "aws.identity";
    let sdk = match config::load(options).await {
        Ok(sdk) => sdk,
        Err(error) => {
            report.fail(CHECK, error.to_string(), "then run doctor again");
            return None;
        }
    };
    let region = sdk.region().map_or("", |region| region.as_ref());
    match aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await {
        Ok(response) => {
            let arn = response.arn().unwrap_or("an unnamed identity");
            report.pass(CHECK, format!("{arn} in {region}"));
            Some(sdk)
        }
        Err(error) => {
            let failure = AwsFailure::new("get the caller identity from AWS", &error);
            report.fail(CHECK, failure.found, failure.advice);
            None
        }
    }
}
