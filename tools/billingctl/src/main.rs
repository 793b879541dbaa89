//! `billingctl`, the operator's CLI of the billing API: it manages the table, the secrets, accounts, API keys and
//! the plan catalog in Stripe.
//!
//! Layers, bottom to top. A module imports only from earlier lines of this list:
//!
//! 1. `error`, `output`, `confirm`: messages, results, exit codes, and questions before a change
//! 2. `values`: timestamps, durations, IDs, argument parsers
//! 3. `stack_description`, `profile`, `options`: deployed stacks, their names, and options that several commands take
//! 4. `aws`, `stripe`: clients for the table, Secrets Manager and Stripe
//! 5. `profiles`, `logs`, `catalog`, `keys`, `secrets`, `setup`: commands, each with its arguments
//! 6. `accounts` (shows keys), `doctor` (compares the catalog): commands that use other commands
//! 7. `cli`: top-level parser and dispatch
#![expect(clippy::doc_markdown, reason = "clap prints the doc comments of arguments as they are")]

mod accounts;
mod aws;
mod catalog;
mod cli;
mod confirm;
mod doctor;
mod error;
mod keys;
mod logs;
mod options;
mod output;
mod profile;
mod profiles;
mod secrets;
mod setup;
mod stack_description;
mod stripe;
mod values;

use std::process::ExitCode;

use clap::Parser as _;
use output::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let json = std::env::args_os().any(|argument| argument == "--json");
            return output::usage(&error, Output { json });
        }
    };
    let output = cli.output();
    match cli::run(cli).await {
        Ok(code) => code,
        Err(error) => output::fail(&error, output),
    }
}
