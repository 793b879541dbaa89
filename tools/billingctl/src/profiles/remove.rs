//! `profiles remove`

use clap::Args;
use serde_json::json;

use crate::error::Result;
use crate::output::Output;
use crate::profile::{self, ProfileFile};

/// Remove a profile; the stack stays as it is
///
///   billingctl profiles remove prod
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RemoveArgs {
    /// Name of the profile
    #[arg(value_name = "NAME", value_parser = profile::name)]
    name: String,
}

/// Runs `profiles remove`.
pub(super) fn run(output: Output, args: &RemoveArgs) -> Result<()> {
    let mut file = ProfileFile::load()?;
    file.get(&args.name)?;
    file.profiles.remove(&args.name);
    file.save()?;
    output.result(&json!({ "removed": args.name }), format!("{} is removed", args.name))
}
