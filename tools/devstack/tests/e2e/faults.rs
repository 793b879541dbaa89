//! When Stripe or AWS fails, callers get the contract's error without details of the cause.

use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::expected_error::{
    ExpectedError, INTERNAL, STRIPE_ERROR, STRIPE_UNAVAILABLE, TIMEOUT, UNAVAILABLE, assert_error,
    assert_error_with,
};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;

cases![
    stripe_failure_returns_stripe_unavailable,
    rejected_request_or_malformed_response_returns_stripe_error,
    refusal_is_logged_with_its_request_id_and_counted,
    stripes_rate_limit_is_returned_with_retry_after,
    transient_failures_are_retried,
    late_response_returns_timeout_before_the_deadline,
    unreachable_service_returns_its_error,
    damaged_item_returns_internal_for_its_account_only,
];

/// Returns the paths of the GET endpoints.
fn gets() -> Vec<&'static str> {
    let gets = FUNCTIONS.iter().filter(|one| one.method == "GET" && !one.needs_id());
    gets.map(|function| function.path).collect()
}

/// Returns every endpoint's response while Stripe fails in this way.
fn responses(harness: &Harness, fault: &Value) -> Vec<Response> {
    let _broken = harness.break_stripe(fault);
    harness.get_all(&gets(), &harness.account("overdue").keys.admin)
}

/// Asserts that every endpoint returns this error and `Retry-After`.
fn check(harness: &Harness, fault: &Value, expected: ExpectedError, retry_after: &str) {
    for response in responses(harness, fault) {
        assert_eq!(response.status, expected.0, "{fault}: {}", response.body);
        assert_error(&response, expected);
        assert_eq!(response.header("retry-after"), retry_after, "{fault}");
        is_discreet(&response, &fault.to_string());
    }
}

/// Asserts that the response has none of Stripe's or AWS's own texts. The harness checks for secrets.
#[track_caller]
fn is_discreet(response: &Response, what: &str) {
    let theirs = [
        "our end",
        "_sandbox",
        "too quickly",
        "cannot be accessed",
        "html",
        "req_",
        "expected",
        "127.0.0.1",
        "panicked",
        "arn:",
    ];
    let mut headers = response.headers.clone();
    headers.remove("x-stripe-request-ids");
    let whole = format!("{headers:?} {}", response.body);
    for word in theirs {
        assert!(!whole.contains(word), "{what}: {word} in {whole}");
    }
}

fn stripe_failure_returns_stripe_unavailable(harness: &Harness) {
    for fault in [
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "status", "status": 503 }),
        json!({ "kind": "status", "status": 409 }),
        json!({ "kind": "status", "status": 424 }),
        json!({ "kind": "status", "status": 500, "should_retry": false }),
        json!({ "kind": "status", "status": 503, "retry_after": 60 }),
        json!({ "kind": "cut" }),
    ] {
        check(harness, &fault, STRIPE_UNAVAILABLE, "2");
    }
}

fn rejected_request_or_malformed_response_returns_stripe_error(harness: &Harness) {
    for fault in [
        json!({ "kind": "status", "status": 400 }),
        json!({ "kind": "status", "status": 401 }),
        json!({ "kind": "status", "status": 402 }),
        json!({ "kind": "status", "status": 403 }),
        json!({ "kind": "status", "status": 404 }),
        json!({ "kind": "garbage" }),
    ] {
        check(harness, &fault, STRIPE_ERROR, "");
    }
}

fn refusal_is_logged_with_its_request_id_and_counted(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let mut summary = FunctionProcess::start(harness, "summary", &[]);
    let response = {
        let _broken = harness.break_stripe(&json!({ "kind": "status", "status": 400 }));
        summary.get(&[("authorization", &bearer)])
    };
    assert_error(&response, STRIPE_ERROR);
    let log = summary.logged();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.collect();
    let line = lines.iter().find(|line| line["level"] == "ERROR").expect("a line");
    let ids: Vec<&str> = response.header("x-stripe-request-ids").split(',').collect();
    let id = line["stripe_request_id"].as_str().expect("a text");
    assert!(ids.contains(&id), "{id} in {ids:?}");
    assert_eq!(line["stripe_request_ids"], ids.join(","), "{line}");
    let fields = ["code", "stripe_type", "stripe_code", "stripe_param"].map(|name| &line[name]);
    assert_eq!(fields, ["stripe_error", "invalid_request_error", "-", "-"], "{line}");
    let metrics = lines.iter().find(|line| line.get("_aws").is_some()).expect("a line");
    assert_eq!(metrics["StripeRefusals"], 1, "{metrics}");
    assert_eq!(metrics["StripeErrors"], Value::Null, "the attempt itself worked");
}

fn stripes_rate_limit_is_returned_with_retry_after(harness: &Harness) {
    let rows = [
        (json!({ "kind": "status", "status": 429 }), "1"),
        (json!({ "kind": "status", "status": 429, "should_retry": false }), "1"),
        (json!({ "kind": "status", "status": 429, "should_retry": false, "retry_after": 7 }), "7"),
        // Longer than the time left: waiting would end in a timeout.
        (json!({ "kind": "status", "status": 429, "retry_after": 60 }), "60"),
    ];
    for (fault, seconds) in rows {
        let started = Instant::now();
        for response in responses(harness, &fault) {
            let message = format!("There are too many requests. Retry in {seconds} s.");
            assert_error_with(&response, 429, "rate_limited", &message, &Value::Null);
            assert_eq!(response.header("retry-after"), seconds, "{fault}");
            is_discreet(&response, &fault.to_string());
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
    }
}

fn transient_failures_are_retried(harness: &Harness) {
    let key = &harness.account("overdue").keys.read;
    let good: Vec<Value> = harness.get_all(&gets(), key).iter().map(Response::json).collect();
    let check = |fault: &Value, response: &Response, good: &Value| {
        assert_eq!(response.status, 200, "{fault}: {}", response.body);
        expect(response, 200, good);
    };
    // One failure in one of the endpoint's calls.
    for fault in [
        json!({ "kind": "cut", "count": 1 }),
        json!({ "kind": "cut", "count": 1, "after_work": true }),
        json!({ "kind": "status", "status": 500, "count": 1 }),
        json!({ "kind": "status", "status": 400, "count": 1, "should_retry": true }),
        json!({ "kind": "status", "status": 401, "count": 1 }),
    ] {
        for (path, good) in gets().into_iter().zip(&good) {
            let _broken = harness.break_stripe(&fault);
            check(&fault, &harness.get(path, key, &[]), good);
        }
    }
    // Two failures or a delay in one of the endpoints.
    for fault in [
        json!({ "kind": "status", "status": 503, "count": 2 }),
        json!({ "kind": "status", "status": 429, "count": 2, "retry_after": 1 }),
        json!({ "kind": "latency", "delay_ms": 300 }),
    ] {
        let _broken = harness.break_stripe(&fault);
        for (response, good) in harness.get_all(&gets(), key).iter().zip(&good) {
            check(&fault, response, good);
        }
    }
}

/// Returns the function's duration in milliseconds, from `server-timing`.
fn took(response: &Response) -> u64 {
    let timing = response.header("server-timing");
    let total = timing.strip_prefix("total;dur=").and_then(|rest| rest.split_once('.'));
    total.and_then(|(whole, _)| whole.parse().ok()).expect("a duration")
}

fn late_response_returns_timeout_before_the_deadline(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut functions = ["summary", "info", "invoices", "dunning", "usage"]
        .map(|name| (name, FunctionProcess::start(harness, name, &[])));
    for (name, function) in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "{name}");
    }
    let late = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 5_000 }));
    for (_, function) in &mut functions {
        function.send(Duration::from_millis(1_500), &headers);
    }
    for (name, function) in &functions {
        let response = function.response();
        assert_error(&response, TIMEOUT);
        // Before Lambda's deadline.
        assert!((1_000..1_500).contains(&took(&response)), "{name} took {} ms", took(&response));
        is_discreet(&response, name);
    }
    drop(late);
    for (name, function) in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "{name} works again");
    }
}

fn unreachable_service_returns_its_error(harness: &Harness) {
    let nothing = "http://127.0.0.1:9";
    let hunter = "hunter2hunter2hunter2hunter2hunter2";
    harness.keep_secret(hunter);
    let junk =
        json!({ "Name": "junk", "SecretString": json!({ "secretKey": hunter }).to_string() });
    harness.aws("secretsmanager.CreateSecret", &junk);
    let rows = [
        (("STRIPE_API_BASE", nothing), STRIPE_UNAVAILABLE),
        (("AWS_ENDPOINT_URL_DYNAMODB", nothing), UNAVAILABLE),
        (("AWS_ENDPOINT_URL_SECRETS_MANAGER", nothing), UNAVAILABLE),
        (("BILLING_TABLE", "no-such-table"), UNAVAILABLE),
        (("STRIPE_SECRET_ID", "no-such-secret"), UNAVAILABLE),
        (("STRIPE_SECRET_ID", "junk"), UNAVAILABLE),
    ];
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    // Concurrently, because each retries for a while.
    let functions = rows.map(|(variable, expected)| {
        let mut function = FunctionProcess::start(harness, "dunning", &[variable]);
        function.send(PATIENT, &[("authorization", &bearer)]);
        (variable, expected, function)
    });
    for (variable, expected, function) in functions {
        let response = function.response();
        assert_eq!(response.status, expected.0, "{variable:?}: {}", response.body);
        assert_error(&response, expected);
        assert_eq!(response.header("retry-after"), "2", "{variable:?}");
        is_discreet(&response, variable.0);
        assert!(!response.body.contains("no-such"), "{variable:?}");
    }
}

fn damaged_item_returns_internal_for_its_account_only(harness: &Harness) {
    let account = harness.account_of("damaged", None);
    harness.damage_account(&account.id);
    for path in gets() {
        let response = harness.get(path, &account.key, &[]);
        assert_error(&response, INTERNAL);
        is_discreet(&response, path);
        assert!(!response.body.contains("createdAt"), "{}", response.body);
        let other = harness.get(path, &harness.account("fresh").keys.read, &[]);
        assert_eq!(other.status, 200, "{}", other.body);
    }
}
