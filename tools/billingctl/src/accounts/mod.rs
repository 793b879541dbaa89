//! `accounts`: creates, shows, renames and links accounts.

mod create;
mod customer_check;
mod link;
mod list;
mod rename;
mod set_parent;
mod show;
mod view;

use clap::Subcommand;

use crate::error::Result;
use crate::options::GlobalOptions;
use create::CreateArgs;
use link::{LinkArgs, UnlinkArgs};
use rename::RenameArgs;
use set_parent::SetParentArgs;
use show::ShowArgs;

/// Create, show, rename and link accounts, the customers of the platform
#[derive(Subcommand)]
pub(crate) enum AccountsCommand {
    Create(CreateArgs),
    /// List all accounts
    ///
    /// Next: billingctl accounts show HANDLE
    #[command(verbatim_doc_comment)]
    List,
    Show(ShowArgs),
    Link(LinkArgs),
    Unlink(UnlinkArgs),
    Rename(RenameArgs),
    SetParent(SetParentArgs),
}

/// Runs a subcommand of `accounts`.
pub(crate) async fn run(options: &GlobalOptions, command: AccountsCommand) -> Result<()> {
    match command {
        AccountsCommand::Create(args) => create::run(options, args).await,
        AccountsCommand::List => list::run(options).await,
        AccountsCommand::Show(args) => show::run(options, &args).await,
        AccountsCommand::Link(args) => link::link(options, args).await,
        AccountsCommand::Unlink(args) => link::unlink(options, &args).await,
        AccountsCommand::Rename(args) => rename::run(options, args).await,
        AccountsCommand::SetParent(args) => set_parent::run(options, &args).await,
    }
}
