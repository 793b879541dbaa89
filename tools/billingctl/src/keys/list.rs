//! `keys list`

use clap::Args;

use super::view::{key_table, key_views};
use crate::aws::config;
use crate::aws::table::Table;
use crate::error::Result;
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::handle_or_id;

/// List the API keys of an account, without the keys themselves
///
///   billingctl keys list --account acme
///
/// The last use is a day in UTC.
///
/// Next: billingctl keys revoke KEY_ID --account acme
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ListArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
}

/// Runs `keys list`.
pub(super) async fn run(options: &GlobalOptions, args: &ListArgs) -> Result<()> {
    let table = Table::new(&config::load(options).await?, options);
    let account = table.account(&args.account).await?;
    let keys = key_views(&table, &account.id).await?;
    if keys.is_empty() {
        note(format_args!(
            "{0} has no keys; next: billingctl keys create --account {0} --scope read",
            account.handle
        ));
    }
    options.output().result(&serde_json::json!({ "keys": keys }), key_table(&keys))
}
