//! Errors that every route can return: Stripe's for each POST route, AWS's for all.

use std::time::Duration;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Response;
use serde_json::{Value, json};
use shared::values::token::{Bounds, MacKeys};

use crate::cases;
use crate::expected_error::{INTERNAL, STRIPE_UNAVAILABLE, TIMEOUT, UNAVAILABLE, assert_error};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{CHANGE, JSON, PREVIEW, Start};
use crate::stripe::text;

cases![
    every_post_returns_stripe_unavailable,
    every_post_returns_stripes_rate_limit,
    every_post_times_out_before_the_deadline,
    every_route_returns_unavailable_without_aws,
    every_change_returns_internal_for_a_damaged_item,
    retry_during_the_first_attempt_returns_idempotency_in_progress,
    quote_expires_after_15_minutes,
];

fn posts() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|function| function.method == "POST")
}

fn body(function: &Function) -> Value {
    serde_json::from_str(function.sample.expect("a POST has one")).expect("JSON")
}

/// Returns every POST route's response to a subscribed account while Stripe fails in this way.
fn responses(harness: &Harness, fault: &Value) -> Vec<Response> {
    let _broken = harness.break_stripe(fault);
    let key = &harness.account("metered").keys.admin;
    posts().map(|function| harness.post(function.path, key, &body(function))).collect()
}

fn every_post_returns_stripe_unavailable(harness: &Harness) {
    for fault in [json!({ "kind": "status", "status": 503 }), json!({ "kind": "cut" })] {
        for response in responses(harness, &fault) {
            assert_error(&response, STRIPE_UNAVAILABLE);
        }
    }
}

fn every_post_returns_stripes_rate_limit(harness: &Harness) {
    let fault = json!({ "kind": "status", "status": 429, "should_retry": false, "retry_after": 3 });
    for response in responses(harness, &fault) {
        assert_eq!(
            (response.status, response.header("retry-after")),
            (429, "3"),
            "{}",
            response.body
        );
        assert_eq!(response.json()["error"], "rate_limited");
    }
}

fn every_post_times_out_before_the_deadline(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("metered").keys.admin);
    let headers = [("authorization", bearer.as_str()), JSON];
    let mut functions: Vec<_> = posts()
        .map(|function| (function, FunctionProcess::start(harness, function.name, &[])))
        .collect();
    let _late = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 5_000 }));
    for (function, process) in &mut functions {
        process.send_with_body(Duration::from_millis(2_500), &headers, &body(function).to_string());
    }
    for (_, process) in &functions {
        assert_error(&process.response(), TIMEOUT);
    }
}

fn every_route_returns_unavailable_without_aws(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("metered").keys.admin);
    let nothing = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")];
    // Concurrently, because each retries for a while.
    let start = |function: &Function| {
        let mut process = FunctionProcess::start(harness, function.name, &nothing);
        let body = function.sample.unwrap_or_default();
        process.send_with_body(PATIENT, &[("authorization", &bearer), JSON], body);
        process
    };
    let functions: Vec<_> = FUNCTIONS.iter().map(start).collect();
    for process in functions {
        assert_error(&process.response(), UNAVAILABLE);
    }
}

fn every_change_returns_internal_for_a_damaged_item(harness: &Harness) {
    let account = harness.admin_of("damaged-too", None);
    harness.damage_account(&account.id);
    for function in posts() {
        assert_error(&harness.post(function.path, &account.key, &body(function)), INTERNAL);
    }
    assert_error(&harness.send("DELETE", CHANGE, &account.key, &[], ""), INTERNAL);
    assert_error(&harness.get("/v1/billing/invoices/in_1", &account.key, &[]), INTERNAL);
}

fn retry_during_the_first_attempt_returns_idempotency_in_progress(harness: &Harness) {
    let account = harness.admin_of("impatient", None);
    let bearer = format!("Bearer {}", account.key);
    let headers = [("authorization", bearer.as_str()), JSON, ("idempotency-key", "impatient")];
    for function in posts().filter(|one| ["checkout-session", "portal-session"].contains(&one.name))
    {
        let headers = headers.map(|(name, value)| {
            (name, if name == "idempotency-key" { function.name } else { value })
        });
        // Two processes, since a process serves one request at a time.
        let mut two = [(); 2].map(|()| FunctionProcess::start(harness, function.name, &[]));
        let _slow = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 1_500 }));
        for process in &mut two {
            process.send_with_body(PATIENT, &headers, &body(function).to_string());
        }
        let mut responses = two.map(|process| process.response());
        responses.sort_by_key(|response| response.status);
        assert_eq!(responses[0].status, 201, "{}", responses[0].body);
        assert_eq!(responses[1].status, 409, "{}", responses[1].body);
        assert_eq!(responses[1].json()["error"], "idempotency_in_progress");
        assert_eq!(responses[1].header("retry-after"), "1");
    }
}

fn quote_expires_after_15_minutes(harness: &Harness) {
    let payer = harness.payer("slow-to-decide", Start::on("pro"));
    let key = &payer.account.key;
    let shown = harness.post(PREVIEW, key, &json!({ "plan": "agency" })).json();
    let secret = harness.secret("cantila-billing/quote-keys").to_string();
    let keys = MacKeys::parse(&secret.into()).expect("MAC keys");
    let bounds = Bounds { purpose: "quote", account: &payer.account.id };
    // Sends the quote as if it had been issued earlier.
    let old = |seconds: i64| {
        let quote = keys.open(bounds, &text(&shown, "quote")).expect("a quote");
        let mut quote: Value = serde_json::from_slice(&quote).expect("JSON");
        let issued = quote["issued_at"].as_i64().expect("a moment");
        quote["issued_at"] = (issued - seconds).into();
        let quote = keys.seal(bounds, quote.to_string().as_bytes());
        harness.post(CHANGE, key, &json!({ "plan": "agency", "quote": quote }))
    };
    let response = old(15 * 60);
    assert_eq!((response.status, &response.json()["error"]), (410, &json!("quote_expired")));
    assert_eq!(old(14 * 60).status, 200);
}
