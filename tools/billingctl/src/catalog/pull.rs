//! `catalog pull`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::actual::StripeState;
use super::desired::Catalog;
use super::parse::parse_file;
use super::planner::plan_changes;
use super::{file_writer, load, report};
use crate::error::{CliError, Result};
use crate::output::{Output, note};
use crate::stripe;

/// Write the catalog file from what Stripe holds
///
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog pull
///
/// `billingctl catalog plan` then finds no difference. Stripe holds no comments, so the file has none. A
/// file that differs from Stripe is overwritten only with --force; a file that agrees stays as it is. The
/// key needs the same permissions as for `billingctl catalog plan`.
///
/// Next: billingctl catalog plan
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PullArgs {
    /// Catalog file
    #[arg(long, default_value = "catalog.toml")]
    file: PathBuf,
    /// Overwrite a file that differs from Stripe
    #[arg(long)]
    force: bool,
}

/// Runs `catalog pull`.
pub(super) async fn run(output: Output, args: &PullArgs) -> Result<()> {
    let actual = load::load_all(&stripe::client_from_env()?).await?;
    let text = file_writer::text(&actual)?;
    let name = args.file.display();
    if args.file.exists() {
        if parse_file(&args.file).is_ok_and(|catalog| agrees(&catalog, &actual)) {
            let text = format!("{name} agrees with Stripe and stays as it is");
            return output.result(&json!({ "file": args.file, "written": false }), text);
        }
        if !args.force {
            return Err(CliError::new(format!(
                "{name} differs from Stripe and would be lost; compare them with `billingctl catalog plan`, \
                 or use --force to overwrite the file"
            )));
        }
    }
    std::fs::write(&args.file, text)
        .map_err(|error| CliError::new(format!("{name} could not be written ({error})")))?;
    note("Stripe holds no comments, so comments of a previous file are lost");
    output.result(&json!({ "file": args.file, "written": true }), format!("wrote {name}"))
}

/// Returns whether applying the catalog would change nothing.
fn agrees(catalog: &Catalog, actual: &StripeState) -> bool {
    plan_changes(catalog, actual)
        .is_ok_and(|changeset| !report::has_differences(&report::entries(&changeset, actual)))
}
