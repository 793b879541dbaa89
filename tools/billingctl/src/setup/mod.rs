//! `setup`: creates the table and the secrets. Existing ones stay as they are.

mod secrets;
mod table;

use aws_sdk_secretsmanager::Client;
use clap::Args;
use serde::Serialize;

use crate::aws::config;
use crate::aws::resource::{Resource, ResourceStatus};
use crate::aws::table::Table;
use crate::error::Result;
use crate::options::GlobalOptions;
use crate::output::{columns, note};
use secrets::StripeKeysFromEnv;

/// Create the table and the secrets that the functions need
///
/// Existing ones stay as they are, so running it again is safe. The table gets TTL, point-in-time
/// recovery and deletion protection; the quote key is generated. Stripe's keys are read from the
/// environment, never from arguments, and are never printed:
///
///   STRIPE_READ_KEY=rk_… STRIPE_WRITE_KEY=rk_… STRIPE_PUBLISHABLE_KEY=pk_… billingctl setup
///
/// Next: billingctl catalog apply
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SetupArgs {
    /// Replace existing Stripe keys with those in the environment, after a check with Stripe
    #[arg(long)]
    replace_secrets: bool,
    /// Replace the keys without checking them with Stripe
    #[arg(long, requires = "replace_secrets")]
    skip_check: bool,
}

#[derive(Serialize)]
struct SetupResult {
    table: Resource,
    secrets: Vec<Resource>,
}

/// Runs `setup`.
pub(crate) async fn run(options: &GlobalOptions, args: &SetupArgs) -> Result<()> {
    // Invalid keys are refused before anything is created.
    let keys = StripeKeysFromEnv::read()?;
    if args.replace_secrets {
        keys.expect_replacement()?;
        if !args.skip_check {
            keys.check().await?;
        }
    }
    let sdk = config::load(options).await?;
    let status = table::ensure(&Table::new(&sdk, options)).await?;
    let table = Resource { name: options.table.clone(), status };
    let client = Client::new(&sdk);
    let mut secrets = vec![secrets::ensure_quote_keys(&client, options).await?];
    secrets
        .extend(secrets::ensure_stripe_keys(&client, options, &keys, args.replace_secrets).await?);
    let result = SetupResult { table, secrets };
    let row = |kind: &str, resource: &Resource| {
        // The name in an ARN is the part that tells secrets apart.
        let name = resource.name.rsplit(':').next().unwrap_or_default().to_owned();
        [kind.to_owned(), name, resource.status.as_str().to_owned()]
    };
    let mut rows = vec![row("table", &result.table)];
    rows.extend(result.secrets.iter().map(|secret| row("secret", secret)));
    if result.secrets.iter().all(|secret| secret.status != ResourceStatus::Missing) {
        note("next: billingctl catalog apply, then billingctl accounts create --handle acme");
    }
    options.output().result(&result, columns(["KIND", "NAME", "STATUS"], &rows, 1))
}
