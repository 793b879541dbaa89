//! Random histories of an account, held to a simple model of it.
//!
//! `HISTORIES` is how many are lived, `HISTORIES_SECONDS` for how long at most, and with
//! `HISTORIES_SEED=random` they are others each time, as in `make soak`. A history that breaks a
//! law is made as short as can be, printed, and kept in `regressions.txt`, from where it is run
//! again first every time.

mod account;
mod expected;
mod known;
mod laws;
mod ledger;
mod life;
mod steps;

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use model::{World, plans, runtime};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner};

use life::{Lawful, Seen};
use steps::History;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The same histories each time, or others: `HISTORIES_SEED=random`, or a number.
fn seed() -> RngSeed {
    match std::env::var("HISTORIES_SEED") {
        Ok(text) => text.parse().map_or(RngSeed::Random, RngSeed::Fixed),
        Err(_) => RngSeed::Fixed(20_261_122),
    }
}

/// Lives a history in a world of its own.
fn lived(history: &History) -> Lawful<Seen> {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::sell(&world.stripe).await;
        life::live(&world, &prices, history).await
    })
}

#[test]
fn whatever_happens_each_request_is_done_once_and_told_as_it_was() {
    let most = u32::try_from(setting("HISTORIES", 2_000)).expect("not that many");
    let time = Duration::from_secs(setting("HISTORIES_SECONDS", 240));
    let (started, seen, count) = (Instant::now(), RefCell::new(Seen::default()), Cell::new(0));
    let failed = Cell::new(false);
    let mut runner = TestRunner::new(Config {
        cases: most,
        max_shrink_iters: 2_000,
        rng_seed: seed(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/histories/regressions.txt",
        ))),
        ..Config::default()
    });
    let outcome = runner.run(&steps::history(), |history| {
        // One that fails is shortened for as long as it takes.
        if started.elapsed() > time && !failed.get() {
            return Ok(());
        }
        count.set(count.get() + 1);
        let outcome = lived(&history);
        failed.set(failed.get() || outcome.is_err());
        seen.borrow_mut().add(&outcome.map_err(TestCaseError::fail)?);
        Ok(())
    });
    println!("{} histories in {:?}: {:#?}", count.get(), started.elapsed(), seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
