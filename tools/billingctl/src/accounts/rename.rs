//! `accounts rename`

use clap::Args;
use shared::aws::table::{Account, keys};

use super::view::AccountView;
use crate::aws::config;
use crate::aws::table::{Outcome, Table, account_condition, account_reference};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::{handle, handle_or_id};

/// Change the handle of an account
///
///   billingctl accounts rename acme acme-eu
///
/// The account keeps its ID, its keys and its customer. Another account can take the old handle at once.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RenameArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    /// New unique handle: 2 to 40 of a–z, 0–9 and -, starting with a letter
    #[arg(value_name = "NEW_HANDLE", value_parser = handle)]
    handle: String,
}

/// Runs `accounts rename`.
pub(super) async fn run(options: &GlobalOptions, args: RenameArgs) -> Result<()> {
    let table = Table::new(&config::load(options).await?, options);
    let before = table.account(&args.account).await?;
    let after = Account { handle: args.handle, ..before.clone() };
    let view = AccountView::from(&after);
    if after.handle == before.handle {
        note("the account already has this handle; nothing was changed");
        return options.output().result(&view, view.text());
    }
    let own_entry = account_condition(&before.id);
    let items = vec![
        table.put_new(keys::handle(&after.handle), account_reference(&before.id))?,
        table.delete(keys::handle(&before.handle), "account = :account", own_entry)?,
        table.update(
            keys::account(&before.id),
            &["handle"],
            &before.to_item(),
            &after.to_item(),
        )?,
    ];
    match table.transact(items).await? {
        Outcome::Written => {}
        Outcome::ConditionFailed(items) if items.first() == Some(&true) => {
            return Err(CliError::new(format!(
                "the handle \"{0}\" is taken; choose another, or see `billingctl accounts show {0}`",
                after.handle
            )));
        }
        Outcome::ConditionFailed(_) => {
            return Err(CliError::new(
                "another command renamed the account; run the command again",
            ));
        }
    }
    note(format_args!(
        "another account can take \"{}\" at once; functions may use it for this account for up to 60 s",
        before.handle
    ));
    options.output().result(&view, view.text())
}
