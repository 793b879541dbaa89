//! Measures the functions against an empty function and peers in Node.js. docs/bench.md describes the method.

#![expect(clippy::float_arithmetic, reason = "times and ratios; nothing here is money")]

mod aws_proxy;
mod budgets;
mod callgrind;
mod check;
mod document;
mod equal;
mod error;
mod expected;
mod growth;
mod keys;
mod load;
mod proc;
mod process;
mod report;
mod results;
mod run;
mod runs;
mod sequence;
mod stage;
mod stats;
mod stored;
mod subject;
mod svg;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measure the functions
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure functions and peers: tables, plots, `target/bench/results.json`
    Run(run::RunArguments),
    /// Read many accounts through an outage of Stripe: docs/performance.md
    Load(load::LoadArguments),
    /// Measure stored reads beside those that ask Stripe: docs/performance.md
    Stored(stored::StoredArguments),
    /// Compare sizes, calls, memory and instructions with `tools/bench/expected.toml`
    Check(check::CheckArguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Stored(arguments) => stored::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the current step.
fn progress(line: &str) {
    eprintln!("{line}");
}
