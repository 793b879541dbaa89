//! `catalog plan`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::comparison::{PlannedChanges, compare};
use super::parse::parse_file;
use super::{plan_text, report};
use crate::error::Result;
use crate::output::{Output, diff};
use crate::stripe;

/// Exit code with `--exit-code` if there are differences. A usage error exits with 2.
const DIFFERENCES: u8 = 3;

/// Show the changes that `catalog apply` would make, and change nothing
///
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog plan
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog plan --exit-code
///
/// The output is a diff: + is created, ~ changes (old → new), - is archived. If the file has faults, the
/// command lists all of them with line and column and sends nothing.
///
/// Exit code: 0; with --exit-code, 3 if there are differences; 1 for an error, 2 for wrong arguments.
/// The key needs read access to products, prices, meters and the customer portal, and to subscriptions
/// for the number of subscriptions on an old price.
///
/// Next: billingctl catalog apply
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PlanArgs {
    /// Catalog file
    #[arg(long, default_value = "catalog.toml")]
    file: PathBuf,
    /// Exit with 3 if there are differences
    #[arg(long)]
    exit_code: bool,
}

/// Runs `catalog plan`.
pub(super) async fn run(output: Output, args: &PlanArgs) -> Result<ExitCode> {
    let catalog = parse_file(&args.file)?;
    let PlannedChanges { changeset, entries } =
        compare(&stripe::client_from_env()?, &catalog).await?;
    let differs = report::has_differences(&entries);
    let value = json!({ "differs": differs, "changes": entries });
    output.result(&value, diff(&plan_text::format(&changeset, &entries)))?;
    Ok(if differs && args.exit_code { ExitCode::from(DIFFERENCES) } else { ExitCode::SUCCESS })
}
