//! Behavior under load: Stripe's rate limit is respected, memory does not grow.
//!
//! The cases check counts and sizes, never times, because the machine may be busy. `make soak` sets
//! `LOAD_REQUESTS=36000`, which is an hour of ten requests a second.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cases;
use crate::function_process::FunctionProcess;
use crate::harness::Harness;
use crate::payer::{JSON, Start};

cases![
    requests_beyond_stripes_rate_limit_queue_and_then_get_429,
    one_account_leaves_the_others_their_share_of_stripes_rate_limit,
    memory_does_not_grow_with_requests,
];

/// Removes the sandbox's rate limits when dropped.
struct Limited<'a>(&'a Harness);

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        self.0.sandbox("DELETE", "/limits", &Value::Null);
    }
}

/// Stripe's rate limit of one endpoint.
const PER_SECOND: u64 = 25;

fn requests_beyond_stripes_rate_limit_queue_and_then_get_429(harness: &Harness) {
    let (processes, each) = (6, 40);
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut functions: Vec<_> =
        (0..processes).map(|_| FunctionProcess::start(harness, "invoices", &[])).collect();
    for function in &mut functions {
        assert_eq!(function.get(&headers).status, 200);
    }
    let limits = json!({ "per_endpoint_per_second": PER_SECOND });
    harness.sandbox("POST", "/limits", &limits);
    let limited = Limited(harness);
    let started = Instant::now();
    for function in &mut functions {
        (0..each).for_each(|_| function.send(crate::function_process::PATIENT, &headers));
    }
    let (mut good, mut later, mut tries) = (0, 0, 0);
    for function in &functions {
        for _ in 0..each {
            let response = function.response();
            match response.status {
                200 => good += 1,
                429 => {
                    assert_eq!(response.json()["error"], "rate_limited", "{}", response.body);
                    assert_eq!(response.header("retry-after"), "1");
                    later += 1;
                }
                _ => panic!("{} {}", response.status, response.body),
            }
            tries += calls(response.header("server-timing"));
        }
    }
    let took = started.elapsed();
    drop(limited);
    println!("    {good} succeeded, {later} got 429, {tries} attempts in {took:?}");
    let requests = processes * each;
    assert_eq!(good + later, requests);
    // The functions use Stripe's limit and exceed it little.
    assert!(good <= PER_SECOND * (took.as_secs() + 2), "{good} in {took:?}");
    assert!(good >= requests / 2, "{good} of {requests} succeeded");
    // A function attempts a call up to five times.
    assert!(tries <= 3 * requests, "{tries} attempts");
    for function in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "it works as before");
    }
}

/// Returns the number of calls of Stripe: `stripe;dur=3.1;count=2` in `server-timing`.
fn calls(timing: &str) -> u64 {
    let count = timing.split_once("count=").map_or("0", |(_, rest)| rest);
    let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// An account reads as fast as eight processes can, and none of its reads is stored. Another one reads, previews and
/// changes its plan once a second.
fn one_account_leaves_the_others_their_share_of_stripes_rate_limit(harness: &Harness) {
    let env = [("STRIPE_RATE", "25")];
    let greedy = format!("Bearer {}", harness.account("overdue").keys.read);
    let greedy = [("authorization", greedy.as_str())];
    let payer = harness.payer("other-share", Start::on("pro"));
    let modest = format!("Bearer {}", payer.account.key);
    let modest = [("authorization", modest.as_str()), JSON];
    let mut process = |name| FunctionProcess::start(harness, name, &env);
    let mut crowd: Vec<_> = (0..8).map(|_| process("summary")).collect();
    let mut others = ["summary", "plan-change-preview", "plan-change"].map(&mut process);
    let limits = json!({ "per_second": PER_SECOND, "per_endpoint_per_second": PER_SECOND });
    harness.sandbox("POST", "/limits", &limits);
    let limited = Limited(harness);
    for function in &mut crowd {
        (0..60).for_each(|_| function.send(crate::function_process::PATIENT, &greedy));
    }
    for round in 0..6 {
        let plan = if round % 2 == 0 { "agency" } else { "pro" };
        for (function, body) in others.iter_mut().zip([None, Some(plan), Some(plan)]) {
            let body = body.map(|plan| json!({ "plan": plan }).to_string()).unwrap_or_default();
            function.send_with_body(crate::function_process::PATIENT, &modest, &body);
            let response = function.response();
            assert_eq!(response.status, 200, "round {round}: {}", response.body);
            // The sandbox counts any second, and the permits the clock's: of two of those, the calls can fall into one.
            std::thread::sleep(Duration::from_millis(600));
        }
    }
    drop(limited);
    let log = harness.sandbox("GET", "/requests", &Value::Null);
    let newest = log["requests"].as_array().expect("a list").iter().take(100);
    assert_eq!(newest.filter(|entry| entry["status"] == 429).count(), 0, "Stripe refuses none");
}

fn memory_does_not_grow_with_requests(harness: &Harness) {
    let requests = std::env::var("LOAD_REQUESTS").ok().and_then(|text| text.parse().ok());
    let requests: u32 = requests.unwrap_or(450);
    let bearer = format!("Bearer {}", harness.account("metered").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut function = FunctionProcess::start(harness, "summary", &[]);
    assert_eq!(function.get(&headers).status, 200);
    let cold = function.memory();
    let started = Instant::now();
    // Memory of allocators and connections grows only in the first third.
    let sizes: Vec<u64> = (0..3)
        .map(|_| {
            for _ in 0..requests / 3 {
                assert_eq!(function.get(&headers).status, 200);
            }
            function.memory()
        })
        .collect();
    println!("    {requests} requests in {:?}: {cold} KiB, then {sizes:?}", started.elapsed());
    assert!(sizes[2] <= sizes[0] + 1_024, "it grows: {cold} KiB, then {sizes:?}");
}
