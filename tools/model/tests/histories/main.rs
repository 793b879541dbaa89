//! Random histories of an account, whose responses and effects are compared with a simple model.
//!
//! `HISTORIES` sets the number of histories, `HISTORIES_SECONDS` the time limit. With `HISTORIES_SEED=random`, as in
//! `make soak`, the histories differ each time. A history that violates an invariant is shrunk, printed and added to
//! `regressions.txt`, whose histories run first.

mod account;
mod amounts;
mod expected;
mod fresh;
mod invariants;
mod known;
mod known_later;
mod later;
mod ledger;
mod overlap;
mod run;
mod steps;
mod stored_faults;
mod weak;

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use model::{World, plans, runtime};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner};

use fresh::Fresh;
use later::Later;
use overlap::Overlap;
use run::{Checked, Counts};
use steps::History;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Returns a fixed seed, or that of `HISTORIES_SEED`: a number or `random`.
fn seed() -> RngSeed {
    match std::env::var("HISTORIES_SEED") {
        Ok(text) => text.parse().map_or(RngSeed::Random, RngSeed::Fixed),
        Err(_) => RngSeed::Fixed(20_261_122),
    }
}

/// Runs a history in a world of its own.
fn check(history: &History) -> Checked<Counts> {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        run::run(&world, &prices, history).await
    })
}

/// Runs a history with overlapping requests in a world of its own.
fn check_overlap(history: &Overlap) -> Checked<Counts> {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        overlap::run(&world, &prices, history).await
    })
}

/// Runs a history of reads beside changes in a world of its own.
fn check_fresh(history: &Fresh) -> Checked<Counts> {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        fresh::run(&world, &prices, history).await
    })
}

/// Runs a history of changes at the end of the period in a world of its own.
fn check_later(history: &Later) -> Checked<Counts> {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        later::run(&world, &prices, history).await
    })
}

/// Checks random histories. `file` has those that once violated a law.
fn explore<T: Debug>(
    histories: impl Strategy<Value = T>,
    default: u64,
    file: &'static str,
    check: impl Fn(&T) -> Checked<Counts>,
) {
    let most = u32::try_from(setting("HISTORIES", default)).expect("not that many");
    let time = Duration::from_secs(setting("HISTORIES_SECONDS", 240));
    let (started, counts, count) = (Instant::now(), RefCell::new(Counts::default()), Cell::new(0));
    let failed = Cell::new(false);
    let mut runner = TestRunner::new(Config {
        cases: most,
        max_shrink_iters: 2_000,
        rng_seed: seed(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..Config::default()
    });
    let outcome = runner.run(&histories, |history| {
        // Shrinking a failed history has no time limit.
        if started.elapsed() > time && !failed.get() {
            return Ok(());
        }
        count.set(count.get() + 1);
        let outcome = check(&history);
        failed.set(failed.get() || outcome.is_err());
        counts.borrow_mut().add(&outcome.map_err(TestCaseError::fail)?);
        Ok(())
    });
    println!("{} histories in {:?}: {:#?}", count.get(), started.elapsed(), counts.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn every_request_takes_effect_once_and_reports_its_effect() {
    explore(steps::history(), 1_500, "tests/histories/regressions.txt", check);
}

#[test]
fn overlapping_requests_charge_what_they_report() {
    explore(overlap::overlap(), 1_500, "tests/histories/overlaps.txt", check_overlap);
}

#[test]
fn reads_show_what_was_followed_and_what_their_caller_changed() {
    explore(fresh::fresh(), 150, "tests/histories/fresh.txt", check_fresh);
}

#[test]
fn changes_at_the_end_of_the_period_take_effect_once_or_are_dropped() {
    explore(later::later(), 150, "tests/histories/later.txt", check_later);
}
