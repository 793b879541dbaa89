//! Logs of a deployed stack: a log group in CloudWatch Logs for each function.

use aws_sdk_cloudwatchlogs::Client;
use shared::values::Timestamp;

use super::lines::Line;
use crate::aws::config;
use crate::aws::failure::{self, AwsFailure};
use crate::aws::functions::FUNCTIONS;
use crate::error::Result;
use crate::options::GlobalOptions;

/// Finds the lines of a request of the last `since` seconds in the log groups of the stack.
pub(super) async fn find(
    options: &GlobalOptions,
    stack: &str,
    request: &str,
    since: i64,
) -> Result<Vec<Line>> {
    let client = Client::new(&config::load(options).await?);
    let from = Timestamp::now().seconds().saturating_sub(since).max(0).saturating_mul(1_000);
    let mut found = Vec::new();
    for function in FUNCTIONS {
        let group = format!("/aws/lambda/{stack}-{function}");
        let events = client
            .filter_log_events()
            .log_group_name(&group)
            .start_time(from)
            .filter_pattern(format!(r#"{{ $.request_id = "{request}" }}"#));
        let mut pages = events.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // A function that was never called has no log group yet.
                Err(error) if failure::code(&error) == Some("ResourceNotFoundException") => break,
                Err(error) => {
                    let failure =
                        AwsFailure::new(format_args!("search the log group {group}"), &error);
                    return Err(failure.into());
                }
            };
            let lines = page.events().iter().filter_map(|event| event.message());
            found.extend(lines.filter_map(|line| Line::parse(function, line, request)));
        }
    }
    Ok(found)
}
