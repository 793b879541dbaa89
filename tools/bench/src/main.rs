//! Measures the functions beside the least that one can take, and beside a peer in Node.js: docs/bench.md.

#![expect(clippy::float_arithmetic, reason = "times and ratios; nothing here is money")]

mod budgets;
mod callgrind;
mod check;
mod equal;
mod error;
mod expected;
mod front;
mod growth;
mod proc;
mod process;
mod readme;
mod report;
mod results;
mod run;
mod runs;
mod sequence;
mod stage;
mod stats;
mod subject;
mod svg;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the functions
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything, side by side: tables, plots, `target/bench/results.json`
    Run(run::RunArguments),
    /// What is not noisy, held to `tools/bench/expected.toml`
    Check(check::CheckArguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
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

/// Says what is being done.
fn progress(line: &str) {
    eprintln!("{line}");
}
