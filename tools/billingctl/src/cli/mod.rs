//! The command line: what can be asked for, and the help that teaches it.
#![expect(clippy::doc_markdown, reason = "a terminal prints these comments as they are")]

mod accounts;
mod doctor;
mod installation;
mod keys;
mod secrets;
mod values;

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};

use crate::error::Result;
use crate::output::Output;
use crate::{
    accounts as account, catalog, doctor as checks, keys as key, secrets as secret, setup,
};

pub(crate) use accounts::{CreateAccount, CustomerCheck, LinkAccount, RenameAccount, SetParent};
pub(crate) use doctor::Doctor;
pub(crate) use installation::{ApplyCatalog, PlanCatalog, PullCatalog, Setup};
pub(crate) use keys::{CreateKey, ImportKeys, RevokeKey, RollKey};
pub(crate) use secrets::{
    FinishPepper, RotateSecret, SecretName, SetSecret, Source, StripeSecrets,
};

use accounts::Accounts;
use installation::Catalog;
use keys::Keys;
use secrets::Secrets;

/// Runs the billing API's own state: its table and secrets, accounts, API keys, and the plan catalogue in Stripe.
///
/// A new installation, in order:
///
///   1. billingctl setup
///   2. billingctl catalog apply
///   3. billingctl accounts create --handle acme
///   4. billingctl keys create --account acme --scope admin
///
/// AWS is found as by the AWS CLI (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …). Stripe, which only
/// `catalog` needs, is the account of the key in STRIPE_SECRET_KEY.
#[derive(Parser)]
#[command(
    name = "billingctl",
    version,
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Print the result as one JSON object on stdout, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// The DynamoDB table
    #[arg(long, global = true, env = "BILLING_TABLE", default_value = "cantila-billing", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) table: String,
    /// The secret with the pepper, the key of the hashes that API keys are stored as
    #[arg(long, global = true, env = "PEPPER_SECRET_ID", default_value = "cantila-billing/pepper", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pepper_secret: String,
}

impl Global {
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }
}

#[derive(Subcommand)]
enum Command {
    Setup(Setup),
    #[command(subcommand)]
    Accounts(Accounts),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Catalog(Catalog),
    #[command(subcommand)]
    Secrets(Secrets),
    Doctor(Doctor),
}

/// Does what was asked for, and says what to end with.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let global = &cli.global;
    let done = match cli.command {
        Command::Setup(wanted) => setup::run(global, &wanted).await,
        Command::Accounts(Accounts::Create(wanted)) => account::create(global, wanted).await,
        Command::Accounts(Accounts::List) => account::list(global).await,
        Command::Accounts(Accounts::Show { account }) => account::show(global, &account).await,
        Command::Accounts(Accounts::Link(wanted)) => account::link(global, wanted).await,
        Command::Accounts(Accounts::Unlink { account: named }) => {
            account::unlink(global, &named).await
        }
        Command::Accounts(Accounts::Rename(wanted)) => account::rename(global, wanted).await,
        Command::Accounts(Accounts::SetParent(wanted)) => {
            account::set_parent(global, &wanted).await
        }
        Command::Keys(Keys::Create(wanted)) => key::create(global, wanted).await,
        Command::Keys(Keys::List { account }) => key::list(global, &account).await,
        Command::Keys(Keys::Roll(wanted)) => key::roll(global, &wanted).await,
        Command::Keys(Keys::Revoke(wanted)) => key::revoke(global, &wanted).await,
        Command::Keys(Keys::Import(wanted)) => key::import(global, &wanted).await,
        Command::Secrets(Secrets::Set(wanted)) => secret::set(global, &wanted).await,
        Command::Secrets(Secrets::Rotate(wanted)) => secret::rotate(global, &wanted).await,
        Command::Secrets(Secrets::PepperStatus) => secret::pepper_status(global).await,
        Command::Secrets(Secrets::FinishPepper(wanted)) => {
            secret::finish_pepper(global, &wanted).await
        }
        Command::Catalog(Catalog::Show { currency }) => {
            catalog::show(global.output(), currency).await
        }
        Command::Catalog(Catalog::Plan(wanted)) => {
            return catalog::plan(global.output(), &wanted).await;
        }
        Command::Doctor(wanted) => return Box::pin(checks::run(global, &wanted)).await,
        Command::Catalog(Catalog::Pull(wanted)) => catalog::pull(global.output(), &wanted).await,
        Command::Catalog(Catalog::Apply(wanted)) => catalog::apply(global.output(), &wanted).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_has_the_wrong_form_is_a_usage_error() {
        let cases: [&[&str]; 9] = [
            &[],
            &["accounts", "create"],
            &["accounts", "create", "--handle", "Acme"],
            &["accounts", "create", "--handle", "acme", "--customer", "acme"],
            &["accounts", "show", "acc_/"],
            &["keys", "create", "--account", "acme"],
            &["keys", "create", "--account", "acme", "--scope", "root"],
            &["keys", "create", "--account", "acme", "--scope", "read", "--expires-in", "90"],
            &[
                "keys",
                "create",
                "--account",
                "acme",
                "--scope",
                "read",
                "--expires-in",
                "90d",
                "--expires-at",
                "2027-01-31T00:00:00Z",
            ],
        ];
        for case in cases {
            let given = std::iter::once("billingctl").chain(case.iter().copied());
            assert!(Cli::try_parse_from(given).is_err(), "{case:?}");
        }
    }
}
