//! `devstack`: the command line over the library, which `make run` and `make stop` call.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devstack::RunArguments;

/// Runs the whole billing system on this machine
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(RunArguments),
    /// Check that the built packages answer under `sam local` as the functions do here
    SamLocal,
    /// Write a template that leads `sam local` to the stack that runs (started with REACH=network)
    SamTemplate,
    /// End what `run` has started, leaving no process behind
    Stop,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => devstack::run(arguments).await,
        Command::SamLocal => Box::pin(devstack::sam_local()).await,
        Command::SamTemplate => devstack::sam_template(),
        Command::Stop => devstack::stop(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devstack: {error}");
            ExitCode::FAILURE
        }
    }
}
