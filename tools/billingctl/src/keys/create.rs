//! `keys create`

use clap::Args;
use serde_json::Value;
use shared::aws::secrets::StripeKeys;
use shared::values::{Mode, Timestamp};

use super::new_key::{KeySpec, NewKey};
use super::record;
use crate::aws::secrets::SecretFailure;
use crate::aws::table::{Outcome, Table};
use crate::aws::{config, secrets};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::{ModeArg, ScopeArg, handle_or_id, key_name};
use crate::values::{duration, timestamp};

/// Create an API key and print it once
///
///   billingctl keys create --account acme --scope read --name dashboard
///   billingctl keys create --account acme --scope admin --expires-in 90d
///
/// Only the key goes to stdout, and only its hash is stored. Callers send it as
/// `Authorization: Bearer sk_…`.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CreateArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    /// Scope of the key; each scope includes the ones before it. GET endpoints need read, all others admin
    #[arg(long)]
    scope: ScopeArg,
    /// Name in lists of keys: at most 100 characters, without commas
    #[arg(long, default_value = "", hide_default_value = true, value_parser = key_name)]
    name: String,
    /// Lifetime, for example 90d or 12h [default: unlimited]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "expires_at")]
    expires_in: Option<i64>,
    /// Expiry, for example 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIMESTAMP", value_parser = timestamp::parse)]
    expires_at: Option<Timestamp>,
    /// Mode of the key, which must be the stack's [default: the mode of the stack's Stripe key]
    #[arg(long)]
    mode: Option<ModeArg>,
}

/// Runs `keys create`.
pub(super) async fn run(options: &GlobalOptions, args: CreateArgs) -> Result<()> {
    let now = Timestamp::now();
    let expires_at = expiry(&args, now)?;
    let sdk = config::load(options).await?;
    let table = Table::new(&sdk, options);
    let account = table.account(&args.account).await?;
    let stack = secrets::stripe_keys(&sdk, &options.read_secret).await;
    let mode = mode(args.mode.map(Mode::from), stack)?;
    let (account, scope, name) = (account.id, args.scope.into(), args.name);
    let key = NewKey::generate(KeySpec { account, scope, name, mode, expires_at }, now)?;
    match table.transact(record::insert(&table, &key.hash, &key.record)?).await? {
        Outcome::Written => key.print(options, &Value::Null),
        Outcome::ConditionFailed(_) => Err(CliError::new(
            "the account was deleted during this command, or the new key's ID is taken; run the command again",
        )),
    }
}

/// Returns the mode of the new key: `given`, which must be the stack's if the stack's is known, else the stack's.
fn mode(
    given: Option<Mode>,
    stack: std::result::Result<StripeKeys, SecretFailure>,
) -> Result<Mode> {
    match (given, stack) {
        (Some(given), Ok(stack)) if given != stack.mode => Err(CliError::new(format!(
            "this stack is for {} mode, where a key of {} mode never works; omit --mode, or name another stack with --profile",
            stack.mode.as_str(),
            given.as_str()
        ))),
        (_, Ok(stack)) => Ok(stack.mode),
        (Some(given), Err(failure)) => {
            let (mode, found) = (given.as_str(), failure.found());
            note(format_args!("--mode {mode} was not compared with the stack's mode: {found}"));
            Ok(given)
        }
        (None, Err(failure)) => Err(CliError::new(format!(
            "the stack's mode is unknown: {}; or give the mode with --mode test or --mode live",
            CliError::from(failure)
        ))),
    }
}

fn expiry(args: &CreateArgs, now: Timestamp) -> Result<Option<Timestamp>> {
    let out_of_range = |_| CliError::new("--expires-in is too long; choose a shorter duration");
    let expires_in = args.expires_in.map(|seconds| {
        Timestamp::try_from(now.seconds().saturating_add(seconds)).map_err(out_of_range)
    });
    match expires_in.transpose()?.or(args.expires_at) {
        Some(expiry) if expiry <= now => Err(CliError::new(format!(
            "--expires-at {} is in the past; choose a later time",
            timestamp::format(expiry)
        ))),
        expiry => Ok(expiry),
    }
}
