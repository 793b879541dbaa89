//! Metrics for `CloudWatch`, in its Embedded Metric Format: one line a request in the log, of which
//! `CloudWatch` makes metrics by itself. No call is made for them and no agent runs.
//!
//! Each name and dimension is paid for by the month, so they are few: what is counted for each
//! function stands in [`PER_FUNCTION`], what for the whole stack in [`PER_STACK`]. Those of the
//! stack are written only where there is something to count.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::respond::{ApiError, Reply, Timings};
use crate::secrets::SecretError;
use crate::stripe::StripeError;

/// The namespace of every metric here.
pub const NAMESPACE: &str = "CantilaBilling";

/// The dimension of the metrics in [`PER_FUNCTION`]; its value is the function's name in Lambda.
pub const FUNCTION: &str = "FunctionName";

/// The dimension of the metrics in [`PER_STACK`]; its value is the stack's name.
pub const STACK: &str = "Stack";

/// What is counted for each function, with its unit.
pub const PER_FUNCTION: [(&str, &str); 6] = [
    ("Requests", "Count"),
    ("ClientErrors", "Count"),
    ("ServerErrors", "Count"),
    ("Latency", "Milliseconds"),
    ("StripeCalls", "Count"),
    ("ColdStarts", "Count"),
];

/// What is counted for the stack. `StripeErrors` are attempts without an answer of use: a broken
/// connection, a 5xx, a refused key.
pub const PER_STACK: [(&str, &str); 4] = [
    ("StripeErrors", "Count"),
    ("StripeRateLimits", "Count"),
    ("SecretErrors", "Count"),
    ("TableErrors", "Count"),
];

/// What one request came to, in the order of [`PER_FUNCTION`] and [`PER_STACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    per_function: [u64; PER_FUNCTION.len()],
    per_stack: [u64; PER_STACK.len()],
}

impl Sample {
    fn of(outcome: &Result<Reply, ApiError>, timings: &Timings, is_cold: bool) -> Self {
        let status = match outcome {
            Ok(reply) => reply.status,
            Err(error) => error.kind().0,
        };
        let underneath = outcome.as_ref().err().and_then(Underneath::of);
        Self {
            per_function: [
                1,
                status.is_client_error().into(),
                status.is_server_error().into(),
                timings.total_ms(),
                timings.stripe_count().into(),
                is_cold.into(),
            ],
            per_stack: [
                timings.stripe_errors().into(),
                timings.stripe_rate_limits().into(),
                (underneath == Some(Underneath::Secret)).into(),
                (underneath == Some(Underneath::Table)).into(),
            ],
        }
    }

    /// The line, without its end. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    fn line(&self, function: &str, stack: &str, millis: u64) -> Value {
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
        root.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": millis, "CloudWatchMetrics": directives }),
        );
        Value::Object(root)
    }
}

/// Which service of AWS's a request failed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Underneath {
    Secret,
    Table,
}

impl Underneath {
    fn of(error: &ApiError) -> Option<Self> {
        let cause = error.cause()?;
        let is_secret = cause.is::<SecretError>()
            || matches!(cause.downcast_ref(), Some(StripeError::Secret(_)));
        match error {
            _ if is_secret => Some(Self::Secret),
            ApiError::Unavailable(_) => Some(Self::Table),
            _ => None,
        }
    }
}

/// Writes the metrics of a process.
pub(crate) struct Metrics {
    function: String,
    stack: String,
    has_answered: AtomicBool,
    is_written: bool,
}

impl Metrics {
    /// Lambda names the function, the template the stack.
    pub(crate) fn from_env() -> Self {
        let name = |variable| std::env::var(variable).unwrap_or_else(|_| "local".to_owned());
        Self {
            function: name("AWS_LAMBDA_FUNCTION_NAME"),
            stack: name("BILLING_STACK"),
            has_answered: AtomicBool::new(false),
            is_written: true,
        }
    }

    /// For where nobody reads the log.
    pub(crate) fn unwritten() -> Self {
        Self { is_written: false, ..Self::from_env() }
    }

    /// Writes what a request came to. Not through `tracing`: a higher log level must not end them.
    pub(crate) fn write(&self, outcome: &Result<Reply, ApiError>, timings: &Timings) {
        if !self.is_written {
            return;
        }
        let is_cold = !self.has_answered.swap(true, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let line = Sample::of(outcome, timings, is_cold).line(&self.function, &self.stack, millis);
        // Where nobody reads the log there is nothing to be done about it.
        let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::respond::Cause;

    /// An outcome; 4xx and 5xx; failures of secrets and of the table.
    type Row = (Result<Reply, ApiError>, [u64; 2], [u64; 2]);

    const NOTHING: Sample = Sample { per_function: [1, 0, 0, 12, 2, 0], per_stack: [0; 4] };

    fn unreadable() -> SecretError {
        SecretError::Unreadable { id: "the-id".to_owned(), reason: "no".to_owned() }
    }

    #[test]
    fn a_line_is_what_cloudwatchs_format_asks_for() {
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
        assert_eq!(NOTHING.line("billing-summary", "billing", 1_793_611_800_000), expected);
    }

    #[test]
    fn what_concerns_the_stack_is_written_only_where_there_is_something() {
        let sample = Sample { per_stack: [3, 0, 0, 1], ..NOTHING };
        let line = sample.line("billing-summary", "billing", 1);
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
    fn every_metric_has_a_value_and_every_dimension_a_name_at_the_root() {
        let sample = Sample { per_function: [1; 6], per_stack: [1; 4] };
        let line = sample.line("f", "s", 1);
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
        let mut names = Vec::new();
        for directive in directives {
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = metric["Name"].as_str().expect("a name");
                assert!(line[name].is_u64(), "{name}");
                names.push(name);
            }
            let dimension = directive["Dimensions"][0][0].as_str().expect("a dimension");
            assert!(line[dimension].is_string(), "{dimension}");
        }
        assert_eq!(names.len(), PER_FUNCTION.len() + PER_STACK.len());
    }

    #[test]
    fn a_request_counts_as_what_the_caller_was_told() {
        let cause = || Cause::from("a reason");
        let rows: [Row; 8] = [
            (Reply::ok(&1), [0, 0], [0, 0]),
            (Err(ApiError::Unauthenticated), [1, 0], [0, 0]),
            (Err(ApiError::RateLimited { retry_after: 1, cause: cause() }), [1, 0], [0, 0]),
            (Err(ApiError::Internal(cause())), [0, 1], [0, 0]),
            (Err(ApiError::Timeout), [0, 1], [0, 0]),
            (Err(ApiError::Unavailable(cause())), [0, 1], [0, 1]),
            (Err(ApiError::Unavailable(Cause::from(unreadable()))), [0, 1], [1, 0]),
            (Err(ApiError::from(StripeError::from(unreadable()))), [0, 1], [1, 0]),
        ];
        for (outcome, errors, underneath) in rows {
            let sample = Sample::of(&outcome, &Timings::start(), false);
            assert_eq!(sample.per_function[1..3], errors, "{outcome:?}");
            assert_eq!(sample.per_stack[2..], underneath, "{outcome:?}");
        }
    }

    #[test]
    fn what_stripe_did_is_counted_by_attempts() {
        let timings = Timings::start();
        for _ in 0..3 {
            timings.stripe_attempt(Duration::from_millis(1));
        }
        timings.stripe_error();
        timings.stripe_rate_limit();
        let sample = Sample::of(&Reply::ok(&1), &timings, true);
        assert_eq!(sample.per_function[4..], [3, 1]);
        assert_eq!(sample.per_stack, [1, 1, 0, 0]);
    }
}
