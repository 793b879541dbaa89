//! `accounts set-parent`

use clap::Args;
use shared::aws::table::{Account, keys};

use super::view::{AccountView, CACHE_HINT};
use crate::aws::config;
use crate::aws::table::{Outcome, Table};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::handle_or_id;

/// Set or remove the parent of an account
///
///   billingctl accounts set-parent client acme
///   billingctl accounts set-parent client --none
///
/// The parent's keys can work in the account (X-Cantila-Act-As). There is one level of sub-accounts.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SetParentArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    /// Handle or ID (acc_…) of the parent
    #[arg(value_name = "PARENT", value_parser = handle_or_id, required_unless_present = "none", conflicts_with = "none")]
    parent: Option<String>,
    /// Remove the parent
    #[arg(long)]
    none: bool,
}

/// Runs `accounts set-parent`.
pub(super) async fn run(options: &GlobalOptions, args: &SetParentArgs) -> Result<()> {
    let table = Table::new(&config::load(options).await?, options);
    let before = table.account(&args.account).await?;
    let parent = match &args.parent {
        Some(parent) => Some(table.account(parent).await?.id),
        None => None,
    };
    let after = Account { parent: parent.clone(), ..before.clone() };
    let key = keys::account(&before.id);
    let mut items = vec![table.update(key, &["parent"], &before.to_item(), &after.to_item())?];
    if let Some(parent) = &parent {
        if *parent == before.id {
            return Err(CliError::new("an account cannot be its own parent; choose another"));
        }
        let accounts = table.accounts().await?;
        if accounts.iter().any(|account| account.parent.as_ref() == Some(&before.id)) {
            return Err(CliError::new(format!(
                "{} has sub-accounts, and there is one level of them; remove the parent of its sub-accounts first",
                before.handle
            )));
        }
        let condition = "attribute_exists(pk) AND attribute_not_exists(parent)";
        items.push(table.check(keys::account(parent), condition)?);
    }
    match table.transact(items).await? {
        Outcome::Written => note(CACHE_HINT),
        Outcome::ConditionFailed(items) if items.first() == Some(&true) => {
            return Err(CliError::new(
                "another command changed the account's parent; run the command again",
            ));
        }
        Outcome::ConditionFailed(_) => {
            return Err(CliError::new(
                "the parent is a sub-account itself, or does not exist any more; choose an account without a parent",
            ));
        }
    }
    let view = AccountView::from(&after);
    options.output().result(&view, view.text())
}
