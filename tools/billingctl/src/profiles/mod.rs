//! `profiles`: names of deployed stacks, so that commands find a stack's table and secrets.

mod add;
mod list;
mod remove;

use clap::Subcommand;

use crate::error::Result;
use crate::output::Output;
use add::AddArgs;
use remove::RemoveArgs;

/// Name deployed stacks, for --profile
#[derive(Subcommand)]
pub(crate) enum ProfilesCommand {
    Add(AddArgs),
    /// List the profiles
    ///
    ///   billingctl profiles list
    ///
    /// Next: billingctl --profile prod secrets status
    #[command(verbatim_doc_comment)]
    List,
    Remove(RemoveArgs),
}

/// Runs a subcommand of `profiles`.
pub(crate) fn run(output: Output, command: ProfilesCommand) -> Result<()> {
    match command {
        ProfilesCommand::Add(args) => add::run(output, args),
        ProfilesCommand::List => list::run(output),
        ProfilesCommand::Remove(args) => remove::run(output, &args),
    }
}
