//! The errors that every route can give, once for each POST route and for AWS, each in the contract's words.

use std::time::Duration;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Answer;
use serde_json::{Value, json};
use shared::values::token::{Bounds, MacKeys};

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{CHANGE, JSON, PREVIEW, Start};
use crate::refusal::{INTERNAL, STRIPE_UNAVAILABLE, TIMEOUT, UNAVAILABLE, refused};
use crate::stripe::text;

cases![
    every_post_says_that_stripe_cannot_be_reached,
    every_post_hands_on_stripes_rate_limit,
    every_post_gives_up_in_time,
    every_route_says_that_aws_cannot_be_reached,
    every_post_calls_a_bug_a_bug,
    a_repetition_that_comes_too_early_is_told_to_wait,
    a_quote_of_a_quarter_of_an_hour_ago_is_too_old,
];

fn posts() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|function| function.method == "POST")
}

fn body(function: &Function) -> Value {
    serde_json::from_str(function.sample.expect("a POST has one")).expect("JSON")
}

/// Every POST route's answer while Stripe fails in this way, to an account that is subscribed.
fn answers(harness: &Harness, fault: &Value) -> Vec<Answer> {
    let _broken = harness.break_stripe(fault);
    let key = &harness.account("metered").keys.admin;
    posts().map(|function| harness.post(function.path, key, &body(function))).collect()
}

fn every_post_says_that_stripe_cannot_be_reached(harness: &Harness) {
    for fault in [json!({ "kind": "status", "status": 503 }), json!({ "kind": "cut" })] {
        for answer in answers(harness, &fault) {
            refused(&answer, STRIPE_UNAVAILABLE);
        }
    }
}

fn every_post_hands_on_stripes_rate_limit(harness: &Harness) {
    let fault = json!({ "kind": "status", "status": 429, "should_retry": false, "retry_after": 3 });
    for answer in answers(harness, &fault) {
        assert_eq!((answer.status, answer.header("retry-after")), (429, "3"), "{}", answer.body);
        assert_eq!(answer.json()["error"], "rate_limited");
    }
}

fn every_post_gives_up_in_time(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("metered").keys.admin);
    let headers = [("authorization", bearer.as_str()), JSON];
    let mut functions: Vec<_> =
        posts().map(|function| (function, Lone::start(harness, function.name, &[]))).collect();
    let _late = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 5_000 }));
    for (function, lone) in &mut functions {
        lone.ask_with(Duration::from_millis(2_500), &headers, &body(function).to_string());
    }
    for (_, lone) in &functions {
        refused(&lone.answer(), TIMEOUT);
    }
}

fn every_route_says_that_aws_cannot_be_reached(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("metered").keys.admin);
    let nothing = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")];
    // All at once: each tries for a while.
    let lone = |function: &Function| {
        let mut lone = Lone::start(harness, function.name, &nothing);
        let body = function.sample.unwrap_or_default();
        lone.ask_with(PATIENT, &[("authorization", &bearer), JSON], body);
        lone
    };
    let functions: Vec<_> = FUNCTIONS.iter().map(lone).collect();
    for lone in functions {
        refused(&lone.answer(), UNAVAILABLE);
    }
}

fn every_post_calls_a_bug_a_bug(harness: &Harness) {
    let account = harness.admin_of("damaged-too", None);
    let key = json!({ "pk": { "S": format!("ACCOUNT#{}", account.id) }, "sk": { "S": "ACCOUNT" } });
    let damage = json!({
        "TableName": harness.about().table, "Key": key,
        "UpdateExpression": "SET createdAt = :never",
        "ExpressionAttributeValues": { ":never": { "S": "never" } },
    });
    harness.aws("DynamoDB_20120810.UpdateItem", &damage);
    for function in posts() {
        refused(&harness.post(function.path, &account.key, &body(function)), INTERNAL);
    }
}

fn a_repetition_that_comes_too_early_is_told_to_wait(harness: &Harness) {
    let account = harness.admin_of("impatient", None);
    let bearer = format!("Bearer {}", account.key);
    let headers = [("authorization", bearer.as_str()), JSON, ("idempotency-key", "impatient")];
    for function in posts().filter(|one| ["checkout-session", "portal-session"].contains(&one.name))
    {
        let headers = headers.map(|(name, value)| {
            (name, if name == "idempotency-key" { function.name } else { value })
        });
        // Two processes, since one takes its requests one after the other.
        let mut two = [(); 2].map(|()| Lone::start(harness, function.name, &[]));
        let _slow = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 1_500 }));
        for lone in &mut two {
            lone.ask_with(PATIENT, &headers, &body(function).to_string());
        }
        let mut answers = two.map(|lone| lone.answer());
        answers.sort_by_key(|answer| answer.status);
        assert_eq!(answers[0].status, 201, "{}", answers[0].body);
        assert_eq!(answers[1].status, 409, "{}", answers[1].body);
        assert_eq!(answers[1].json()["error"], "idempotency_in_progress");
        assert_eq!(answers[1].header("retry-after"), "1");
    }
}

fn a_quote_of_a_quarter_of_an_hour_ago_is_too_old(harness: &Harness) {
    let payer = harness.payer("slow-to-decide", Start::on("pro"));
    let key = &payer.account.key;
    let shown = harness.post(PREVIEW, key, &json!({ "plan": "agency" })).json();
    let secret = harness.secret("cantila-billing/quote-keys").to_string();
    let keys = MacKeys::parse(&secret.into()).expect("MAC keys");
    let bounds = Bounds { purpose: "quote", account: &payer.account.id };
    // Backdates the quote.
    let old = |seconds: i64| {
        let quote = keys.open(bounds, &text(&shown, "quote")).expect("a quote");
        let mut quote: Value = serde_json::from_slice(&quote).expect("JSON");
        let issued = quote["issued_at"].as_i64().expect("a moment");
        quote["issued_at"] = (issued - seconds).into();
        let quote = keys.seal(bounds, quote.to_string().as_bytes());
        harness.post(CHANGE, key, &json!({ "plan": "agency", "quote": quote }))
    };
    let answer = old(15 * 60);
    assert_eq!((answer.status, &answer.json()["error"]), (410, &json!("quote_expired")));
    assert_eq!(old(14 * 60).status, 200);
}
