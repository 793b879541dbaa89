//! `CloudWatch` metrics in the Embedded Metric Format: one line per request in the log, from which
//! `CloudWatch` extracts metrics without a call or an agent.
//!
//! Every combination of name and dimension costs money each month, so only those metrics exist that an
//! alarm or the dashboard uses. Metrics of the stack are written only if they are not 0.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::api::error::ApiError;
use crate::api::reply::Reply;
use crate::api::timing::Timings;
use crate::aws::secrets::SecretError;
use crate::stripe::{CallLog, StripeError};

/// Namespace of all metrics.
pub const NAMESPACE: &str = "CantilaBilling";

/// Dimension of [`PER_FUNCTION`]. The value is the Lambda function's name.
pub const FUNCTION: &str = "FunctionName";

/// Dimension of [`PER_STACK`]. The value is the stack's name.
pub const STACK: &str = "Stack";

/// Dimension of [`OWN_FAULTS`], in addition to [`FUNCTION`]. Lambda's own metrics have the same dimension.
pub const VERSION: &str = "ExecutedVersion";

/// Metric of one version of a function: requests that failed through a fault of ours. Stripe's, DynamoDB's and Secrets
/// Manager's failures do not count. It is written only if it is not 0, and ends the deployment of a new version.
pub const OWN_FAULTS: &str = "OwnFaults";

/// Metrics of each function with their units.
pub const PER_FUNCTION: [(&str, &str); 6] = [
    ("Requests", "Count"),
    ("ClientErrors", "Count"),
    ("ServerErrors", "Count"),
    ("Latency", "Milliseconds"),
    ("StripeCalls", "Count"),
    ("ColdStarts", "Count"),
];

/// Metrics of the stack with their units. `StripeErrors` counts failed attempts: a broken connection, a
/// 5xx, a refused key. `StripeRefusals` counts requests that ended with `stripe_error`. `AmountsDiffering` counts plan changes that
/// were charged at another amount than the one that was held. `ChangesIncomplete` counts parts of plan changes that were not
/// completed at once: metered prices that were not swapped, lines that were not restored.
pub const PER_STACK: [(&str, &str); 7] = [
    ("StripeErrors", "Count"),
    ("StripeRateLimits", "Count"),
    ("SecretErrors", "Count"),
    ("TableErrors", "Count"),
    ("StripeRefusals", "Count"),
    ("AmountsDiffering", "Count"),
    ("ChangesIncomplete", "Count"),
];

/// Metric of the stack with the age of the watermark in seconds.
pub const WATERMARK_AGE: &str = "WatermarkAge";

/// The values of one request, in the order of [`PER_FUNCTION`] and [`PER_STACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    per_function: [u64; PER_FUNCTION.len()],
    per_stack: [u64; PER_STACK.len()],
    is_own_fault: bool,
}

impl Sample {
    fn of(
        outcome: &Result<Reply, ApiError>,
        timings: &Timings,
        stripe: &CallLog,
        is_cold: bool,
    ) -> Self {
        let status = match outcome {
            Ok(reply) => reply.status,
            Err(error) => error.kind().0,
        };
        let failed = outcome.as_ref().err().and_then(AwsService::of);
        Self {
            per_function: [
                1,
                status.is_client_error().into(),
                status.is_server_error().into(),
                timings.total_ms(),
                stripe.attempts().into(),
                is_cold.into(),
            ],
            per_stack: [
                stripe.errors().into(),
                stripe.rate_limits().into(),
                (failed == Some(AwsService::SecretsManager)).into(),
                (failed == Some(AwsService::DynamoDb)).into(),
                matches!(outcome, Err(ApiError::Stripe(_))).into(),
                outcome.as_ref().is_ok_and(|reply| reply.amount_differs).into(),
                stripe.incomplete().into(),
            ],
            is_own_fault: matches!(outcome, Err(ApiError::Internal(_) | ApiError::Stripe(_))),
        }
    }

    /// Returns the line without a line end. Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    fn line(&self, function: &str, version: &str, stack: &str, millis: u64) -> Value {
        let mut root = Map::new();
        let mut directives = Vec::new();
        let per_function = PER_FUNCTION.iter().zip(self.per_function).collect::<Vec<_>>();
        let per_stack =
            PER_STACK.iter().zip(self.per_stack).filter(|(_, count)| *count > 0).collect();
        for (dimension, value, metrics) in
            [(FUNCTION, function, per_function), (STACK, stack, per_stack)]
        {
            if metrics.is_empty() {
                continue;
            }
            let definitions: Vec<Value> = metrics
                .iter()
                .map(|((name, unit), _)| json!({ "Name": name, "Unit": unit }))
                .collect();
            directives.push(json!({ "Namespace": NAMESPACE, "Dimensions": [[dimension]], "Metrics": definitions }));
            root.insert(dimension.to_owned(), value.into());
            root.extend(
                metrics.iter().map(|((name, _), value)| ((*name).to_owned(), json!(value))),
            );
        }
        if self.is_own_fault {
            let definition = json!({ "Name": OWN_FAULTS, "Unit": "Count" });
            directives.push(json!({
                "Namespace": NAMESPACE, "Dimensions": [[FUNCTION, VERSION]], "Metrics": [definition],
            }));
            root.insert(VERSION.to_owned(), version.into());
            root.insert(OWN_FAULTS.to_owned(), 1.into());
        }
        root.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": millis, "CloudWatchMetrics": directives }),
        );
        Value::Object(root)
    }
}

/// The AWS service that made a request fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AwsService {
    SecretsManager,
    DynamoDb,
}

impl AwsService {
    fn of(error: &ApiError) -> Option<Self> {
        let cause = error.cause()?;
        let is_secret = cause.is::<SecretError>()
            || matches!(cause.downcast_ref(), Some(StripeError::Secret(_)));
        match error {
            _ if is_secret => Some(Self::SecretsManager),
            ApiError::Unavailable(_) => Some(Self::DynamoDb),
            _ => None,
        }
    }
}

/// Metrics of a process.
pub(crate) struct Metrics {
    function: String,
    version: String,
    stack: String,
    has_answered: AtomicBool,
}

impl Metrics {
    /// Reads the names from the environment: Lambda sets the function's, the template the stack's.
    pub(crate) fn from_env() -> Self {
        let name = |variable| std::env::var(variable).unwrap_or_else(|_| "local".to_owned());
        Self {
            function: name("AWS_LAMBDA_FUNCTION_NAME"),
            version: name("AWS_LAMBDA_FUNCTION_VERSION"),
            stack: name("BILLING_STACK"),
            has_answered: AtomicBool::new(false),
        }
    }

    /// Writes the metrics of a request. They bypass `tracing`, whose level must not suppress them.
    pub(crate) fn write(
        &self,
        outcome: &Result<Reply, ApiError>,
        timings: &Timings,
        stripe: &CallLog,
    ) {
        let is_cold = !self.has_answered.swap(true, Ordering::Relaxed);
        let sample = Sample::of(outcome, timings, stripe, is_cold);
        print(&sample.line(&self.function, &self.version, &self.stack, now()));
    }

    /// Writes the age of the watermark in seconds.
    pub(crate) fn write_watermark_age(&self, age: i64) {
        let definition = json!({ "Name": WATERMARK_AGE, "Unit": "Seconds" });
        let directive =
            json!({ "Namespace": NAMESPACE, "Dimensions": [[STACK]], "Metrics": [definition] });
        print(&json!({
            "_aws": { "Timestamp": now(), "CloudWatchMetrics": [directive] },
            STACK: self.stack,
            WATERMARK_AGE: age.max(0),
        }));
    }
}

/// Returns the time in milliseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn print(line: &Value) {
    // A closed standard output leaves nowhere to report the error.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::Cause;

    /// An outcome; its counts of 4xx and 5xx; its failures of secrets, of the table, and by Stripe's refusal; its
    /// differing amounts.
    type Row = (Result<Reply, ApiError>, [u64; 2], [u64; 5]);

    const NOTHING: Sample =
        Sample { per_function: [1, 0, 0, 12, 2, 0], per_stack: [0; 7], is_own_fault: false };

    fn unreadable() -> SecretError {
        SecretError::Unreadable { id: "the-id".to_owned(), reason: "no".to_owned() }
    }

    #[test]
    fn line_follows_the_embedded_metric_format() {
        let expected = json!({
            "_aws": {
                "Timestamp": 1_793_611_800_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "CantilaBilling",
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        { "Name": "Requests", "Unit": "Count" },
                        { "Name": "ClientErrors", "Unit": "Count" },
                        { "Name": "ServerErrors", "Unit": "Count" },
                        { "Name": "Latency", "Unit": "Milliseconds" },
                        { "Name": "StripeCalls", "Unit": "Count" },
                        { "Name": "ColdStarts", "Unit": "Count" },
                    ],
                }],
            },
            "FunctionName": "billing-summary",
            "Requests": 1, "ClientErrors": 0, "ServerErrors": 0, "Latency": 12, "StripeCalls": 2, "ColdStarts": 0,
        });
        assert_eq!(NOTHING.line("billing-summary", "7", "billing", 1_793_611_800_000), expected);
    }

    #[test]
    fn metrics_of_the_stack_are_written_only_if_not_zero() {
        let sample = Sample { per_stack: [3, 0, 0, 1, 0, 0, 0], ..NOTHING };
        let line = sample.line("billing-summary", "7", "billing", 1);
        let expected = json!({
            "Namespace": "CantilaBilling",
            "Dimensions": [["Stack"]],
            "Metrics": [{ "Name": "StripeErrors", "Unit": "Count" }, { "Name": "TableErrors", "Unit": "Count" }],
        });
        assert_eq!(line["_aws"]["CloudWatchMetrics"][1], expected);
        assert_eq!(
            (&line["Stack"], &line["StripeErrors"], &line["TableErrors"]),
            (&json!("billing"), &json!(3), &json!(1))
        );
        assert!(line.get("StripeRateLimits").is_none() && line.get("SecretErrors").is_none());
    }

    #[test]
    fn fault_of_ours_counts_for_the_version() {
        let sample = Sample { is_own_fault: true, ..NOTHING };
        let line = sample.line("billing-summary", "7", "billing", 1);
        let expected = json!({
            "Namespace": "CantilaBilling",
            "Dimensions": [["FunctionName", "ExecutedVersion"]],
            "Metrics": [{ "Name": "OwnFaults", "Unit": "Count" }],
        });
        assert_eq!(line["_aws"]["CloudWatchMetrics"][1], expected);
        assert_eq!((&line["ExecutedVersion"], &line["OwnFaults"]), (&json!("7"), &json!(1)));
        assert!(NOTHING.line("f", "7", "s", 1).get("OwnFaults").is_none());
    }

    #[test]
    fn outage_of_an_upstream_service_is_no_fault_of_ours() {
        let cause = || Cause::from("a reason");
        for (error, expected) in [
            (ApiError::Internal(cause()), true),
            (ApiError::Stripe(cause()), true),
            (ApiError::StripeUnavailable(cause()), false),
            (ApiError::Unavailable(cause()), false),
            (ApiError::Unavailable(Cause::from(unreadable())), false),
            (ApiError::Timeout, false),
            (ApiError::RateLimited { retry_after: 1, cause: cause() }, false),
            (ApiError::Unauthenticated, false),
        ] {
            let outcome = Err(error);
            let sample = Sample::of(&outcome, &Timings::start(), &CallLog::default(), false);
            assert_eq!(sample.is_own_fault, expected, "{outcome:?}");
        }
    }

    #[test]
    fn request_counts_by_its_response() {
        let cause = || Cause::from("a reason");
        let rows: [Row; 11] = [
            (Reply::ok(&1), [0, 0], [0, 0, 0, 0, 0]),
            (Reply::ok(&1).map(Reply::with_differing_amount), [0, 0], [0, 0, 0, 1, 0]),
            (Err(ApiError::Unauthenticated), [1, 0], [0, 0, 0, 0, 0]),
            (
                Err(ApiError::RateLimited { retry_after: 1, cause: cause() }),
                [1, 0],
                [0, 0, 0, 0, 0],
            ),
            (Err(ApiError::Internal(cause())), [0, 1], [0, 0, 0, 0, 0]),
            (Err(ApiError::Timeout), [0, 1], [0, 0, 0, 0, 0]),
            (Err(ApiError::Unavailable(cause())), [0, 1], [0, 1, 0, 0, 0]),
            (Err(ApiError::Unavailable(Cause::from(unreadable()))), [0, 1], [1, 0, 0, 0, 0]),
            (Err(ApiError::from(StripeError::from(unreadable()))), [0, 1], [1, 0, 0, 0, 0]),
            (Err(ApiError::Stripe(cause())), [0, 1], [0, 0, 1, 0, 0]),
            (Err(ApiError::StripeUnavailable(cause())), [0, 1], [0, 0, 0, 0, 0]),
        ];
        for (outcome, errors, failed) in rows {
            let sample = Sample::of(&outcome, &Timings::start(), &CallLog::default(), false);
            assert_eq!(sample.per_function[1..3], errors, "{outcome:?}");
            assert_eq!(sample.per_stack[2..], failed, "{outcome:?}");
        }
    }
}
