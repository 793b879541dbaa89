//! Top-level parser, and dispatch to the commands.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::accounts::{self, AccountsCommand};
use crate::catalog::{self, CatalogCommand};
use crate::doctor::{self, DoctorArgs};
use crate::error::Result;
use crate::keys::{self, KeysCommand};
use crate::logs::{self, LogsArgs};
use crate::options::GlobalArgs;
use crate::output::{self, Output};
use crate::profiles::{self, ProfilesCommand};
use crate::secrets::{self, SecretsCommand};
use crate::setup::{self, SetupArgs};

/// Manage the billing API: table, secrets, accounts, API keys, and the plan catalog in Stripe
///
/// To set up a new stack:
///
///   1. billingctl setup
///   2. billingctl catalog apply
///   3. billingctl accounts create --handle acme
///   4. billingctl keys create --account acme --scope admin
///
/// AWS is configured as for the AWS CLI (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …). For a deployed stack,
/// give it a name with `billingctl profiles add`, and use --profile.
///
/// Stripe is called by:
///
///   catalog                    with the key in STRIPE_SECRET_KEY
///   doctor                     with the stack's keys, and with STRIPE_SECRET_KEY if it is set
///   accounts create --customer, accounts link, accounts show
///                              with STRIPE_SECRET_KEY, else with the stack's read key
///   setup --replace-secrets, secrets set, secrets rotate
///                              with the new key, unless --skip-check is given
///
/// All other commands work without Stripe.
#[derive(Parser)]
#[command(
    name = "billingctl",
    version = VERSION,
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    options: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Version with the commit, which build.rs passes.
const VERSION: &str = match option_env!("BILLINGCTL_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

#[derive(Subcommand)]
enum Command {
    Setup(SetupArgs),
    #[command(subcommand)]
    Accounts(AccountsCommand),
    #[command(subcommand)]
    Keys(KeysCommand),
    #[command(subcommand)]
    Catalog(CatalogCommand),
    #[command(subcommand)]
    Secrets(SecretsCommand),
    Doctor(DoctorArgs),
    Logs(LogsArgs),
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Print a script that completes commands and options in a shell
    ///
    ///   source <(billingctl completions bash)
    ///   billingctl completions fish > ~/.config/fish/completions/billingctl.fish
    #[command(verbatim_doc_comment)]
    Completions {
        shell: Shell,
    },
}

impl Cli {
    pub(crate) fn output(&self) -> Output {
        self.options.output()
    }
}

/// Runs the command and returns the exit code.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let output = cli.output();
    let command = match cli.command {
        // They do not need the profile that --profile names.
        Command::Profiles(command) => {
            return profiles::run(output, command).map(|()| ExitCode::SUCCESS);
        }
        Command::Completions { shell } => return completions(shell).map(|()| ExitCode::SUCCESS),
        command => command,
    };
    let options = &cli.options.resolve()?;
    let done = match command {
        Command::Setup(args) => setup::run(options, &args).await,
        Command::Accounts(command) => accounts::run(options, command).await,
        Command::Keys(command) => keys::run(options, command).await,
        Command::Secrets(command) => secrets::run(options, command).await,
        Command::Catalog(command) => return catalog::run(output, command).await,
        Command::Doctor(args) => return Box::pin(doctor::run(options, &args)).await,
        Command::Logs(args) => logs::run(options, &args).await,
        Command::Profiles(command) => profiles::run(output, command),
        Command::Completions { shell } => completions(shell),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Prints the script for a shell.
fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "billingctl", &mut script);
    output::raw(&script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parser_passes_the_checks_of_clap() {
        Cli::command().debug_assert();
    }

    #[test]
    fn invalid_arguments_are_usage_errors() {
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
            let arguments = std::iter::once("billingctl").chain(case.iter().copied());
            assert!(Cli::try_parse_from(arguments).is_err(), "{case:?}");
        }
    }
}
