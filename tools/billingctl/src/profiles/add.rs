//! `profiles add`

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::error::{CliError, Result};
use crate::output::{Output, note};
use crate::profile::{self, Profile, ProfileFile};
use crate::stack_description::StackDescription;

/// Name a deployed stack
///
///   aws cloudformation describe-stacks --stack-name billing > stack.json
///   billingctl profiles add prod --stack stack.json
///   billingctl --profile prod accounts list
///
/// The profile has the stack's region, and the names of its table and secrets, from the stack's outputs. It
/// has no credentials and no secret. An existing profile of this name is replaced, for example after the
/// table was restored under another name.
///
/// The file is billingctl/config.toml in $XDG_CONFIG_HOME or ~/.config, or the file in BILLINGCTL_CONFIG.
///
/// Next: billingctl --profile prod secrets status
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AddArgs {
    /// Name of the profile
    #[arg(value_name = "NAME", value_parser = profile::name)]
    name: String,
    /// Output of `aws cloudformation describe-stacks` for the stack, or - for stdin
    #[arg(long, value_name = "FILE")]
    stack: PathBuf,
    /// Profile of the AWS CLI with the credentials for this stack [default: as for the AWS CLI]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    aws_profile: Option<String>,
}

/// Runs `profiles add`.
pub(super) fn run(output: Output, args: AddArgs) -> Result<()> {
    let stack = StackDescription::read(&args.stack)?;
    let profile = Profile::of_stack(&stack, args.aws_profile).map_err(|reason| {
        CliError::new(format!(
            "{} does not describe a deployed billing stack: {reason}; describe the stack of template.yaml after its deployment",
            args.stack.display()
        ))
    })?;
    let mut file = ProfileFile::load()?;
    let name = args.name;
    let value = json!({ "name": name, "profile": profile });
    let text = format!("{name} is the stack {} in {}", profile.stack, profile.region);
    if file.profiles.insert(name.clone(), profile).is_some() {
        note(format_args!("the previous profile {name} was replaced"));
    }
    file.save()?;
    note(format_args!("next: billingctl --profile {name} secrets status"));
    output.result(&value, text)
}
