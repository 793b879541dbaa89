//! `catalog`: shows, plans, applies and pulls the plan catalog in Stripe.

mod actual;
mod amount;
mod applier;
mod apply;
mod comparison;
mod desired;
mod field_changes;
mod file;
mod file_writer;
mod load;
mod parse;
#[cfg(test)]
mod parse_fuzz_tests;
mod plan;
mod plan_text;
mod planner;
mod portal;
mod pull;
mod report;
mod requests;
mod show;
#[cfg(test)]
mod stripe_model;
mod subscription_counts;
mod toml_reader;
mod validate;
mod views;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::Result;
use crate::output::Output;
use apply::ApplyArgs;
use plan::PlanArgs;
use pull::PullArgs;
use show::ShowArgs;

pub(crate) use actual::PortalConfiguration;
pub(crate) use comparison::{Differences, compare_with_file};
pub(crate) use load::portal_configurations;

/// Show the plan catalog in Stripe, and update it from a file
#[derive(Subcommand)]
pub(crate) enum CatalogCommand {
    Show(ShowArgs),
    Plan(PlanArgs),
    Apply(ApplyArgs),
    Pull(PullArgs),
}

/// Runs a subcommand of `catalog`.
pub(crate) async fn run(output: Output, command: CatalogCommand) -> Result<ExitCode> {
    match command {
        CatalogCommand::Show(args) => show::run(output, &args).await?,
        CatalogCommand::Plan(args) => return plan::run(output, &args).await,
        CatalogCommand::Apply(args) => apply::run(output, &args).await?,
        CatalogCommand::Pull(args) => pull::run(output, &args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
