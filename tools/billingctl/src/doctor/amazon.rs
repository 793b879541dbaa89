//! Who we are to AWS.

use aws_config::SdkConfig;

use super::report::Report;
use crate::{aws, error};

/// `None` if AWS does not know us: then nothing that lies there can be checked.
pub(super) async fn identity(report: &mut Report) -> Option<SdkConfig> {
    const CHECK: &str = "aws.identity";
    let sdk = match aws::sdk().await {
        Ok(sdk) => sdk,
        Err(failure) => {
            report.fail(CHECK, failure.to_string(), "then run doctor again");
            return None;
        }
    };
    let region = sdk.region().map_or("", |region| region.as_ref());
    match aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await {
        Ok(answer) => {
            report.pass(CHECK, format!("{} in {region}", answer.arn().unwrap_or("somebody")));
            Some(sdk)
        }
        Err(error) => {
            let failure = error::aws("ask AWS who we are", &error).to_string();
            report.fail(CHECK, failure, "see that the AWS CLI works: aws sts get-caller-identity");
            None
        }
    }
}
