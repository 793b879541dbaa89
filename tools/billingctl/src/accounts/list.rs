//! `accounts list`

use super::view::AccountView;
use crate::aws::config;
use crate::aws::table::Table;
use crate::error::Result;
use crate::options::GlobalOptions;
use crate::output::{columns, note};

/// Runs `accounts list`.
pub(super) async fn run(options: &GlobalOptions) -> Result<()> {
    let accounts = Table::new(&config::load(options).await?, options).accounts().await?;
    let views: Vec<AccountView> = accounts.iter().map(AccountView::from).collect();
    if views.is_empty() {
        note("there are no accounts yet; next: billingctl accounts create --handle acme");
    }
    let rows: Vec<[String; 5]> = views.iter().map(AccountView::row).collect();
    let text = columns(["HANDLE", "ID", "PARENT", "CUSTOMER", "CREATED"], &rows, 0);
    options.output().result(&serde_json::json!({ "accounts": views }), text)
}
