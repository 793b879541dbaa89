//! `billingctl`: what an operator does to the billing API's own state, and to Stripe's catalogue.

mod accounts;
mod aws;
mod catalog;
mod cli;
mod doctor;
mod error;
mod ids;
mod keys;
mod moment;
mod output;
mod secrets;
mod setup;
mod stripe;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // clap itself answers a wrong command line, with exit code 2.
    match cli::run(cli::Cli::parse()).await {
        Ok(code) => code,
        Err(failure) => output::fail(&failure),
    }
}
