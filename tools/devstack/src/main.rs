//! `devstack`: command line of this crate, which the Makefile calls.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devstack::RunArguments;

/// Run the whole billing system on this machine
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(RunArguments),
    /// Compare the responses of the built packages under `sam local` with those of the local stack
    SamLocal,
    /// Write a template that connects `sam local` to the running stack (started with REACH=network)
    SamTemplate,
    /// Stop the running stack and all its processes
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
