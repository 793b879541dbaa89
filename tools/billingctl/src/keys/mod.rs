//! `keys`: creates, lists, rolls, revokes and imports API keys.
//!
//! A key is printed once, when it is created. The table holds its SHA-256 hash.

mod create;
mod import;
mod import_file;
mod list;
mod new_key;
mod record;
mod revoke;
mod roll;
mod view;

use clap::Subcommand;

use crate::error::Result;
use crate::options::GlobalOptions;
use create::CreateArgs;
use import::ImportArgs;
use list::ListArgs;
use revoke::RevokeArgs;
use roll::RollArgs;

pub(crate) use view::{KeyView, key_table, key_views};

/// Create, list, roll, revoke and import API keys
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    Create(CreateArgs),
    List(ListArgs),
    Roll(RollArgs),
    Revoke(RevokeArgs),
    Import(ImportArgs),
}

/// Runs a subcommand of `keys`.
pub(crate) async fn run(options: &GlobalOptions, command: KeysCommand) -> Result<()> {
    match command {
        KeysCommand::Create(args) => create::run(options, args).await,
        KeysCommand::List(args) => list::run(options, &args).await,
        KeysCommand::Roll(args) => roll::run(options, &args).await,
        KeysCommand::Revoke(args) => revoke::run(options, &args).await,
        KeysCommand::Import(args) => import::run(options, &args).await,
    }
}
