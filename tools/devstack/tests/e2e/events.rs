//! Events of any form, sent to a function's process through Lambda's Runtime API.

use devstack::functions::FUNCTIONS;
use devstack::http::Response;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Value, json};

use crate::cases;
use crate::expected_error::assert_invalid;
use crate::function_process::FunctionProcess;
use crate::harness::Harness;

cases![event_that_is_no_request_gets_a_response, any_bytes_get_a_response_and_log_no_header];

/// Part of header values that no log may contain.
const PLANTED: &str = "PlantedHeaderValueThatNoLogMayContain";

const NO_REQUEST: &str = "This event is not a request of an HTTP API (payload format 2.0). Send requests through API Gateway.";

/// Number of random events for each of two functions.
const CASES_OF_ONE: u32 = 400;

/// Returns API Gateway's event of a request with these headers.
fn request(headers: &Value) -> Value {
    json!({
        "version": "2.0", "routeKey": "GET /v1/billing/summary", "rawPath": "/v1/billing/summary",
        "rawQueryString": "", "headers": headers, "isBase64Encoded": false, "body": "{}",
        "requestContext": {
            "http": { "method": "GET", "path": "/v1/billing/summary", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "a-request", "stage": "$default", "timeEpoch": 0,
        },
    })
}

#[track_caller]
fn exchange(process: &FunctionProcess, bytes: &[u8]) -> Response {
    process.send_bytes(bytes);
    process.unrecorded_response().0
}

/// Asserts that the process still runs, and has logged no planted value, no error of its runtime and no panic.
#[track_caller]
fn check(mut process: FunctionProcess) {
    assert!(process.is_running());
    let log = process.logged();
    for line in log.lines() {
        assert!(!line.contains(PLANTED), "{line}");
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let is_metric = line.get("_aws").is_some();
        assert!(is_metric || line["message"] == "refused" || line["event"] == "audit", "{line}");
    }
}

fn event_that_is_no_request_gets_a_response(harness: &Harness) {
    let planted = format!("Bearer {PLANTED}");
    let headers = json!({ "authorization": planted });
    let mut without_http = request(&headers);
    without_http["requestContext"] = json!({ "requestId": "r" });
    let mut number_as_path = request(&headers);
    number_as_path["rawPath"] = json!(7);
    let texts = [
        json!({}),
        json!([]),
        Value::Null,
        json!("warm-up"),
        json!({ "warmup": true }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "id": planted }),
        json!({ "version": "1.0", "httpMethod": "GET", "path": "/", "headers": headers, "requestContext": { "requestId": "r" } }),
        json!({ "httpMethod": "GET", "path": "/", "headers": headers, "requestContext": { "elb": { "targetGroupArn": "a" } } }),
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": planted, "messageId": "m" }] }),
        without_http,
        number_as_path,
    ];
    let mut events: Vec<Vec<u8>> = texts.iter().map(|text| text.to_string().into_bytes()).collect();
    let whole = request(&headers).to_string().into_bytes();
    events.push(Vec::new());
    events.push(whole[..whole.len() - 1].to_vec());
    events.push([&whole[..], &whole[..]].concat());
    events.push([b"\xef\xbb\xbf", &whole[..]].concat());
    events.push(vec![0xff; 1_000]);
    events.push(vec![0; 1_000]);
    events.push(vec![b'['; 1_000_000]);
    for function in FUNCTIONS {
        let process = FunctionProcess::start(harness, function.name, &[]);
        for event in &events {
            assert_invalid(&exchange(&process, event), "event", NO_REQUEST);
        }
        let many = (0..40_000).map(|number| (format!("x-{number}"), json!(planted)));
        let many = request(&Value::Object(many.collect())).to_string();
        let message = "There are too many headers. Send at most 200.";
        assert_invalid(&exchange(&process, many.as_bytes()), "headers", message);
        for end in ["\u{7f}", "\0", "\r\nx: y", "é"] {
            let damaged = json!({ "authorization": format!("{planted}{end}") });
            let response = exchange(&process, request(&damaged).to_string().as_bytes());
            assert_eq!(response.status, 401, "{}", response.body);
        }
        check(process);
    }
}

/// Returns random bytes, random texts, damaged requests, and requests with random headers.
fn events() -> impl Strategy<Value = Vec<u8>> {
    let damaged =
        (vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), any::<prop::sample::Index>());
    let damaged = damaged.prop_map(|(changes, end)| {
        let mut bytes = request(&json!({ "authorization": format!("Bearer {PLANTED}") }))
            .to_string()
            .into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // Half of them are whole.
        let end = end.index(bytes.len() * 2).min(bytes.len());
        bytes.truncate(end);
        bytes
    });
    let headers = vec((any::<String>(), any::<String>()), 0..5).prop_map(|pairs| {
        let headers =
            pairs.into_iter().map(|(name, value)| (name, json!(format!("{PLANTED}{value}"))));
        let mut headers: serde_json::Map<String, Value> = headers.collect();
        headers.insert("Authorization".to_owned(), json!(format!("Bearer {PLANTED}\u{7f}")));
        request(&Value::Object(headers)).to_string().into_bytes()
    });
    prop_oneof![
        2 => vec(any::<u8>(), 0..2_000),
        1 => any::<String>().prop_map(String::into_bytes),
        4 => damaged,
        4 => headers,
    ]
}

fn any_bytes_get_a_response_and_log_no_header(harness: &Harness) {
    for name in ["summary", "plan-change"] {
        let process = FunctionProcess::start(harness, name, &[]);
        let config = Config { cases: CASES_OF_ONE, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&events(), |event| {
            let response = exchange(&process, &event);
            prop_assert!(matches!(response.status, 401 | 422), "{}", response.body);
            Ok(())
        });
        if let Err(TestError::Fail(reason, event)) = outcome {
            panic!("{name}: {reason}: {}", String::from_utf8_lossy(&event));
        }
        check(process);
    }
}
