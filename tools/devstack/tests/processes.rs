//! A stack with two processes of each function.

use std::path::Path;
use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use devstack::{Local, Options, Stack, http};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const LIMIT: Duration = Duration::from_secs(30);

/// Delay of Stripe's responses.
const SLOW: Duration = Duration::from_secs(2);

/// Sends concurrent requests, each of which takes [`SLOW`] at Stripe, and returns how long each took
/// longer than the fastest one, in order.
async fn summaries(stack: &Stack, accounts: &[&str]) -> Vec<Duration> {
    let about = stack.about();
    let fault = format!(
        r#"{{"path":"/v1/subscriptions","kind":"latency","delay_ms":{},"count":{}}}"#,
        SLOW.as_millis(),
        accounts.len()
    );
    let url = format!("{}/_sandbox/faults", about.stripe_url);
    let added = http::send("POST", &url, &[], &fault, LIMIT).await;
    assert_eq!(added.expect("a response").status, 200);
    let started = Instant::now();
    let mut running = JoinSet::new();
    for account in accounts {
        let key = &about.account(account).expect("a seeded account").keys.read;
        let (url, bearer) =
            (format!("{}/v1/billing/summary", about.api_url), format!("Bearer {key}"));
        running.spawn(async move {
            let headers = [("authorization", bearer.as_str())];
            let response = http::send("GET", &url, &headers, "", LIMIT).await;
            assert_eq!(response.expect("a response").status, 200);
            started.elapsed()
        });
    }
    let mut ended = running.join_all().await;
    ended.sort();
    let first = ended[0];
    ended.into_iter().map(|end| end.saturating_sub(first)).collect()
}

#[test]
fn two_requests_run_at_once_and_a_third_one_waits() {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("processes-{}", std::process::id()));
    let options =
        Options { processes: 2, ..Options::prebuilt(Local::create(&folder).expect("a folder")) };
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads");
    let stack = runtime.block_on(Stack::start(options));
    let mut stack = stack.unwrap_or_else(|error| panic!("the stack did not start: {error}"));

    let later = runtime.block_on(summaries(&stack, &["metered", "overdue", "free"]));
    assert!(later[1] < SLOW / 2, "one after the other: {later:?}");
    assert!(later[2] > SLOW / 2, "three at once: {later:?}");

    let summary = FUNCTIONS.iter().find(|function| function.name == "summary").expect("a row");
    for number in [1, 2] {
        stack.replace_process(summary, number).expect("it starts again");
    }
    let error = stack.replace_process(summary, 3).expect_err("only two").to_string();
    assert!(error.contains("summary-3"), "{error}");
    let later = runtime.block_on(summaries(&stack, &["metered", "overdue"]));
    assert!(later[1] < SLOW / 2, "one after the other: {later:?}");
    stack.check().expect("all processes run");
    drop(stack);
    std::fs::remove_dir_all(folder).expect("the folder");
}
