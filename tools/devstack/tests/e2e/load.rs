//! Many requests: no storm of retries, no more of Stripe than it allows, no memory that grows.
//!
//! Counts and sizes, never times: the machine may be busy. `LOAD_REQUESTS=36000` is an hour of ten
//! requests a second; `make soak` sends them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::lone::Lone;
use crate::outages::proxy::{Asked, Fate, Proxy, Service};
use crate::refusal::{STRIPE_UNAVAILABLE, refused};

cases![
    an_outage_is_not_met_with_a_storm_of_retries,
    beyond_stripes_rate_limit_requests_queue_and_are_then_told_to_come_back,
    memory_does_not_grow_with_requests,
];

/// The retries that a process has for reads: at the start, and one more in ten seconds.
fn retries_within(time: Duration) -> u64 {
    30 + time.as_secs() / 10 + 1
}

fn broken(asked: &Asked, _: &[Asked]) -> Fate {
    match asked.service {
        Service::Stripe => Fate::Answer(503, "", "{}", false),
        _ => Fate::Pass,
    }
}

fn an_outage_is_not_met_with_a_storm_of_retries(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut proxy = Proxy::start(harness, broken, false);
    let env = [("STRIPE_API_BASE", &*proxy.stripe_url), ("AWS_ENDPOINT_URL", &*proxy.aws_url)];
    // Each request of it is one call of Stripe.
    let mut function = Lone::start(harness, "invoices", &env);
    let started = Instant::now();
    let mut sent = 0;
    for _ in 0..150 {
        refused(&function.get(&headers), STRIPE_UNAVAILABLE);
        sent = proxy.requests(Service::Stripe) as u64;
    }
    let retries = sent - 150;
    assert!((30..=retries_within(started.elapsed())).contains(&retries), "{retries} retries");
    proxy.mend(harness);
    for _ in 0..30 {
        assert_eq!(function.get(&headers).status, 200);
    }
    assert_eq!(proxy.requests(Service::Stripe), 30, "it works as before");
}

/// Takes the sandbox's limits away again.
struct Limited<'a>(&'a Harness);

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        self.0.sandbox("DELETE", "/limits", &Value::Null);
    }
}

/// Stripe's own limit for one endpoint.
const PER_SECOND: u64 = 25;

fn beyond_stripes_rate_limit_requests_queue_and_are_then_told_to_come_back(harness: &Harness) {
    let (processes, each) = (6, 40);
    let bearer = format!("Bearer {}", harness.account("overdue").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut functions: Vec<_> =
        (0..processes).map(|_| Lone::start(harness, "invoices", &[])).collect();
    for function in &mut functions {
        assert_eq!(function.get(&headers).status, 200);
    }
    let limits = json!({ "per_endpoint_per_second": PER_SECOND });
    harness.sandbox("POST", "/limits", &limits);
    let limited = Limited(harness);
    let started = Instant::now();
    for function in &mut functions {
        (0..each).for_each(|_| function.ask(crate::lone::PATIENT, &headers));
    }
    let (mut good, mut later, mut tries) = (0, 0, 0);
    for function in &functions {
        for _ in 0..each {
            let answer = function.answer();
            match answer.status {
                200 => good += 1,
                429 => {
                    assert_eq!(answer.json()["error"], "rate_limited", "{}", answer.body);
                    assert_eq!(answer.header("retry-after"), "1");
                    later += 1;
                }
                _ => panic!("{} {}", answer.status, answer.body),
            }
            tries += calls(answer.header("server-timing"));
        }
    }
    let took = started.elapsed();
    drop(limited);
    println!("    {good} answered, {later} told to come back, {tries} tries in {took:?}");
    let requests = processes * each;
    assert_eq!(good + later, requests);
    // Stripe is used as far as it allows, and not asked much more often than that.
    assert!(good <= PER_SECOND * (took.as_secs() + 2), "{good} in {took:?}");
    assert!(good >= requests / 2, "{good} of {requests} were answered");
    // Each of them may be tried five times.
    assert!(tries <= 3 * requests, "{tries} tries");
    for function in &mut functions {
        assert_eq!(function.get(&headers).status, 200, "it works as before");
    }
}

/// How often Stripe was asked: `stripe;dur=3.1;desc="…";count=2` in `server-timing`.
fn calls(timing: &str) -> u64 {
    let count = timing.split_once("count=").map_or("0", |(_, rest)| rest);
    let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn memory_does_not_grow_with_requests(harness: &Harness) {
    let requests = std::env::var("LOAD_REQUESTS").ok().and_then(|text| text.parse().ok());
    let requests: u32 = requests.unwrap_or(450);
    let bearer = format!("Bearer {}", harness.account("metered").keys.read);
    let headers = [("authorization", bearer.as_str())];
    let mut function = Lone::start(harness, "summary", &[]);
    assert_eq!(function.get(&headers).status, 200);
    let cold = function.memory();
    let started = Instant::now();
    // Allocators and connections settle in the first third.
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
