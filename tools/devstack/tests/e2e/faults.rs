//! What a caller is told when Stripe or AWS fail: the contract's error, and nothing of the cause.

use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use devstack::http::Answer;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::refusal::{
    INTERNAL, Refusal, STRIPE_ERROR, STRIPE_UNAVAILABLE, TIMEOUT, UNAVAILABLE, refused,
    refused_with,
};

cases![
    while_stripe_fails_the_answer_is_to_come_back_soon,
    what_stripe_refuses_or_garbles_is_ours_to_answer_for,
    stripes_rate_limit_is_handed_on_with_the_time_to_wait,
    what_passes_by_itself_is_not_noticed,
    an_answer_that_would_come_too_late_is_given_up_in_time,
    without_stripe_or_aws_a_function_says_what_is_missing,
    a_damaged_item_of_the_table_is_a_bug_and_nobody_elses_business,
];

/// The endpoints that ask Stripe, for an account with a customer.
fn gets() -> Vec<&'static str> {
    let gets = FUNCTIONS.iter().filter(|function| function.method == "GET");
    gets.map(|function| function.path).collect()
}

/// Every endpoint's answer while Stripe fails in this way.
fn answers(harness: &Harness, fault: &Value) -> Vec<Answer> {
    let _broken = harness.break_stripe(fault);
    harness.get_all(&gets(), &harness.account("overdue").keys.admin)
}

/// Every endpoint gives this error, this `Retry-After`, and asked Stripe this often for each call.
fn check(harness: &Harness, fault: &Value, refusal: Refusal, retry_after: &str) {
    for answer in answers(harness, fault) {
        assert_eq!(answer.status, refusal.0, "{fault}: {}", answer.body);
        refused(&answer, refusal);
        assert_eq!(answer.header("retry-after"), retry_after, "{fault}");
        is_discreet(&answer, &fault.to_string());
    }
}

/// None of Stripe's or AWS's own words; that there is no secret, the harness checks everywhere.
#[track_caller]
fn is_discreet(answer: &Answer, what: &str) {
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
    let whole = format!("{:?} {}", answer.headers, answer.body);
    for word in theirs {
        assert!(!whole.contains(word), "{what}: {word} in {whole}");
    }
}

fn while_stripe_fails_the_answer_is_to_come_back_soon(harness: &Harness) {
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

fn what_stripe_refuses_or_garbles_is_ours_to_answer_for(harness: &Harness) {
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

fn stripes_rate_limit_is_handed_on_with_the_time_to_wait(harness: &Harness) {
    let rows = [
        (json!({ "kind": "status", "status": 429 }), "1"),
        (json!({ "kind": "status", "status": 429, "should_retry": false }), "1"),
        (json!({ "kind": "status", "status": 429, "should_retry": false, "retry_after": 7 }), "7"),
        // Longer than there is time: waiting would turn a clear answer into a time-out.
        (json!({ "kind": "status", "status": 429, "retry_after": 60 }), "60"),
    ];
    for (fault, seconds) in rows {
        let started = Instant::now();
        for answer in answers(harness, &fault) {
            let message =
                format!("There are too many requests at the moment. Try again in {seconds} s.");
            refused_with(&answer, 429, "rate_limited", &message, &Value::Null);
            assert_eq!(answer.header("retry-after"), seconds, "{fault}");
            is_discreet(&answer, &fault.to_string());
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
    }
}

fn what_passes_by_itself_is_not_noticed(harness: &Harness) {
    let key = &harness.account("overdue").keys.read;
    let good: Vec<Value> = harness.get_all(&gets(), key).iter().map(Answer::json).collect();
    let check = |fault: &Value, answer: &Answer, good: &Value| {
        assert_eq!(answer.status, 200, "{fault}: {}", answer.body);
        expect(answer, 200, good);
    };
    // A failure for each endpoint, whichever of its calls it hits.
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
    // Two failures or a wait that one call outlasts, whichever endpoint they hit.
    for fault in [
        json!({ "kind": "status", "status": 503, "count": 2 }),
        json!({ "kind": "status", "status": 429, "count": 2, "retry_after": 1 }),
        json!({ "kind": "latency", "delay_ms": 300 }),
    ] {
        let _broken = harness.break_stripe(&fault);
        for (answer, good) in harness.get_all(&gets(), key).iter().zip(&good) {
            check(&fault, answer, good);
        }
    }
}

/// The time that the function says it took, in milliseconds.
fn took(answer: &Answer) -> u64 {
    let timing = answer.header("server-timing");
    let total = timing.strip_prefix("total;dur=").and_then(|rest| rest.split_once('.'));
    total.and_then(|(whole, _)| whole.parse().ok()).expect("a duration")
}

fn an_answer_that_would_come_too_late_is_given_up_in_time(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut functions = ["summary", "info", "invoices", "dunning"]
        .map(|name| (name, Lone::start(harness, name, &[])));
    for (name, function) in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "{name}");
    }
    let late = harness.break_stripe(&json!({ "kind": "latency", "delay_ms": 5_000 }));
    for (_, function) in &mut functions {
        function.ask(Duration::from_millis(1_500), &headers);
    }
    for (name, function) in &functions {
        let answer = function.answer();
        refused(&answer, TIMEOUT);
        // Lambda cuts off whoever is not done by then.
        assert!((1_000..1_500).contains(&took(&answer)), "{name} took {} ms", took(&answer));
        is_discreet(&answer, name);
    }
    drop(late);
    for (name, function) in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "{name} works on");
    }
}

fn without_stripe_or_aws_a_function_says_what_is_missing(harness: &Harness) {
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
    // All at once: each tries for a while.
    let functions = rows.map(|(variable, refusal)| {
        let mut function = Lone::start(harness, "dunning", &[variable]);
        function.ask(PATIENT, &[("authorization", &bearer)]);
        (variable, refusal, function)
    });
    for (variable, refusal, function) in functions {
        let answer = function.answer();
        assert_eq!(answer.status, refusal.0, "{variable:?}: {}", answer.body);
        refused(&answer, refusal);
        assert_eq!(answer.header("retry-after"), "2", "{variable:?}");
        is_discreet(&answer, variable.0);
        assert!(!answer.body.contains("no-such"), "{variable:?}");
    }
}

fn a_damaged_item_of_the_table_is_a_bug_and_nobody_elses_business(harness: &Harness) {
    let account = harness.account_of("damaged", None);
    let key = json!({ "pk": { "S": format!("ACCOUNT#{}", account.id) }, "sk": { "S": "ACCOUNT" } });
    let damage = json!({
        "TableName": harness.about().table, "Key": key,
        "UpdateExpression": "SET createdAt = :never",
        "ExpressionAttributeValues": { ":never": { "S": "never" } },
    });
    harness.aws("DynamoDB_20120810.UpdateItem", &damage);
    for path in gets() {
        let answer = harness.get(path, &account.key, &[]);
        refused(&answer, INTERNAL);
        is_discreet(&answer, path);
        assert!(!answer.body.contains("createdAt"), "{}", answer.body);
        let other = harness.get(path, &harness.account("fresh").keys.read, &[]);
        assert_eq!(other.status, 200, "{}", other.body);
    }
}
