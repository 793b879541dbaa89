//! `bench load`: many readers of many accounts on Stripe's rate limit, through an outage of Stripe, and through the end of
//! all stored reads.

mod driver;
mod probes;
mod report;
mod series;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use devstack::{Functions, Local, Options, Stack};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};
use crate::progress;
use crate::subject::folder;
use driver::Driver;
use probes::{Probes, Stripe};
use series::Series;

/// Stripe's rate limit in a sandbox, in requests a second.
const STRIPE_RATE: u32 = 25;

/// Accounts whose plans are previewed and changed meanwhile, and the one whose balance is.
const WRITERS: usize = 4;

/// Arguments of `bench load`
#[derive(Args)]
pub struct LoadArguments {
    /// Accounts that are read
    #[arg(long, default_value_t = 300)]
    accounts: usize,
    /// Reads a second that the driver tries
    #[arg(long, default_value_t = 300)]
    rate: u32,
    /// A sixth of the run, in seconds
    #[arg(long, default_value_t = 60)]
    phase: u64,
    /// Update the plot and the table of docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Parts of a run: steady, Stripe down for two phases, after it, all stored reads ended for two phases.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    pub down: u64,
    pub up: u64,
    pub anew: u64,
    pub end: u64,
}

impl Phases {
    fn of(length: u64) -> Self {
        Self { down: length, up: 3 * length, anew: 4 * length, end: 6 * length }
    }
}

/// Results of a run.
pub struct Seen {
    pub accounts: usize,
    pub phases: Phases,
    pub series: Series,
    pub probes: Probes,
}

/// Runs the load.
pub fn run(arguments: &LoadArguments) -> Result<ExitCode> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Error::system("threads"))?;
    let seen = measure(&runtime, arguments)?;
    println!("{}", report::table(&seen).plain());
    if arguments.write {
        report::write(&seen)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(runtime: &Runtime, arguments: &LoadArguments) -> Result<Seen> {
    std::fs::create_dir_all(folder()).map_err(Error::system("target/bench"))?;
    let options = Options {
        functions: Functions::Prebuilt,
        processes: devstack::MAX_PROCESSES,
        follow: true,
        stripe_rate: STRIPE_RATE,
        progress,
        ..Options::prebuilt(Local::create(folder().join("load"))?)
    };
    let stack = runtime.block_on(Box::pin(Stack::start(options)))?;
    let stripe = Stripe::of(stack.about());
    progress("creating the accounts");
    let accounts = runtime.block_on(stripe.accounts(&stack, arguments.accounts + WRITERS + 1))?;
    let (writers, readers) = accounts.split_at(WRITERS + 1);
    let limits = json!({ "per_second": STRIPE_RATE, "per_endpoint_per_second": STRIPE_RATE });
    runtime.block_on(stripe.sandbox("POST", "/limits", &limits))?;
    progress("reading each account once");
    let driver = Driver::new(&stack.about().api_url, readers);
    runtime.block_on(driver.read_each_once())?;
    let phases = Phases::of(arguments.phase);
    progress(&format!("running for {} s", phases.end));
    let running = driver.start(arguments.rate, phases.end)?;
    let probes = probes::run(&stripe, &stack, writers, phases);
    let probes = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(phases.end + 60), probes).await
    });
    let Ok(probes) = probes else { return Error::wrong("the probes did not end") };
    let (probes, mut series) = probes?;
    running.finish(&mut series)?;
    Ok(Seen { accounts: readers.len(), phases, series, probes })
}
