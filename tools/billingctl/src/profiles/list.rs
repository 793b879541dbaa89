//! `profiles list`

use serde_json::json;

use crate::error::Result;
use crate::output::{Output, columns, note, or_dash};
use crate::profile::ProfileFile;

/// Runs `profiles list`.
pub(super) fn run(output: Output) -> Result<()> {
    let file = ProfileFile::load()?;
    if file.profiles.is_empty() {
        note("there are no profiles yet; next: billingctl profiles add NAME --stack stack.json");
    }
    let rows = file.profiles.iter().map(|(name, profile)| {
        let aws_profile = or_dash(profile.aws_profile.as_deref());
        [name.clone(), profile.stack.clone(), profile.region.clone(), aws_profile]
    });
    let rows: Vec<[String; 4]> = rows.collect();
    let text = columns(["NAME", "STACK", "REGION", "AWS PROFILE"], &rows, 1);
    output.result(&json!({ "profiles": file.profiles }), text)
}
