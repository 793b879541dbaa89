//! `accounts show`

use clap::Args;
use serde::Serialize;

use super::view::AccountView;
use crate::aws::config;
use crate::aws::table::Table;
use crate::error::Result;
use crate::keys::{KeyView, key_table, key_views};
use crate::options::GlobalOptions;
use crate::values::arguments::handle_or_id;

/// Show one account and its keys
///
///   billingctl accounts show acme
///
/// Next: billingctl keys create --account acme --scope read
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
}

#[derive(Serialize)]
struct AccountWithKeys<'a> {
    #[serde(flatten)]
    account: AccountView<'a>,
    keys: Vec<KeyView>,
}

/// Runs `accounts show`.
pub(super) async fn run(options: &GlobalOptions, args: &ShowArgs) -> Result<()> {
    let table = Table::new(&config::load().await?, options);
    let account = table.account(&args.account).await?;
    let keys = key_views(&table, &account.id).await?;
    let shown = AccountWithKeys { account: AccountView::from(&account), keys };
    let text = format!("{}\n{}", shown.account.text(), key_table(&shown.keys));
    options.output().result(&shown, text)
}
