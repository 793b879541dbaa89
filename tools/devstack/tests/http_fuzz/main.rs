//! Fuzzer over HTTP: concurrent requests of one account to a stack with several processes of each function.
//!
//! Each round creates an account and sends it volleys: two to four clients change plans (with and without quotes and
//! idempotency keys), preview, check out and retry at once, while the platform reports usage and adds items, the customer
//! changes cards, authenticates and pays, and Stripe fails. Then all requests with a key are retried, the plan changes once
//! more, and the subscription renews. [`laws`] compares the responses with Stripe, which Stripe's own SDK reads.
//!
//! The seed determines what is sent, not how it interleaves. [`settings`] lists the variables. A run continues after a
//! violation until its time is over, and prints the first round that breaks each invariant.
//!
//!     cargo build --workspace --all-targets
//!     FUZZ_SECONDS=600 FUZZ_PROCESSES=4 cargo test -p devstack --test http_fuzz -- --nocapture

mod account;
mod actions;
mod client;
#[path = "../e2e/dice.rs"]
mod dice;
mod faults;
mod laws;
mod record;
mod report;
mod round;
mod servers;
mod settings;
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use devstack::{Local, Options, Stack};
use tokio::runtime::{Builder, Runtime};

use report::Summary;
use round::Fuzzer;
use servers::Servers;
use settings::Settings;
use truth::Reader;

/// Starts a stack on free ports from the existing programs.
fn start(runtime: &Runtime, folder: &Path, settings: Settings) -> Fuzzer {
    let options = Options {
        processes: settings.processes,
        ..Options::prebuilt(Local::create(folder).expect("a folder"))
    };
    let stack = runtime.block_on(Stack::start(options));
    let stack = stack.unwrap_or_else(|error| panic!("the stack did not start: {error}"));
    let servers = Arc::new(Servers::new(stack.about()));
    let meters = Arc::new(runtime.block_on(account::meters(&servers)));
    let reader = Reader::start(stack.about());
    Fuzzer { stack, servers, reader, meters, settings }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("http-fuzz-{}", std::process::id()))
}

#[test]
fn concurrent_requests_keep_the_invariants() {
    for name in devstack::outdated() {
        println!(
            "warning: {name} is older than its sources; run `cargo build --workspace --all-targets`"
        );
    }
    let (settings, folder) = (Settings::from_env(), folder());
    println!("FUZZ_SEED={} FUZZ_PROCESSES={}", settings.seed, settings.processes);
    let runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let mut fuzzer = start(&runtime, &folder, settings);
    let (started, mut summary) = (Instant::now(), Summary::default());
    let only = fuzzer.settings.round;
    let mut number = only.unwrap_or_default();
    while started.elapsed() < fuzzer.settings.time {
        let seed = fuzzer.settings.seed_of(number);
        let name = format!("fuzz-{}-{number}-{}", fuzzer.settings.seed, summary.rounds);
        let outcome = runtime.block_on(round::run(&mut fuzzer, seed, &name));
        let violations = laws::check(&outcome);
        if summary.add(&outcome, &violations) {
            let log = runtime.block_on(round::log(&fuzzer.servers, outcome.account.since));
            report::print(&fuzzer.settings.repeat(number), &outcome, &violations, &log);
        }
        // A single round is repeated, since it may interleave in another way.
        number += u64::from(only.is_none());
    }
    summary.print(started.elapsed());
    assert_eq!(summary.violated, 0, "rounds with a violation; logs: {}", folder.display());
    drop(fuzzer);
    std::fs::remove_dir_all(folder).expect("the folder");
}
