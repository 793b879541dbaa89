//! Accounts: made, shown, renamed, and linked to their parents and to their Stripe customers.

mod create;
mod customer;
mod link;
mod place;

use serde::Serialize;
use shared::Account;

use crate::cli::Global;
use crate::error::Result;
use crate::output::{columns, note, or_dash};
use crate::{aws, keys as api_keys, moment};

pub(crate) use create::create;
pub(crate) use link::{link, unlink};
pub(crate) use place::{rename, set_parent};

/// How long the functions go by what they remember of an account.
const REMEMBERED: &str = "functions that remember the account go by what it was for up to 60 s";

/// An account as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    handle: &'a str,
    parent: Option<&'a str>,
    customer: Option<&'a str>,
    created_at: String,
}

impl<'a> From<&'a Account> for Shown<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: &account.id,
            handle: &account.handle,
            parent: account.parent.as_deref(),
            customer: account.customer.as_deref(),
            created_at: moment::text(account.created_at),
        }
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        format!(
            "handle    {}\nid        {}\nparent    {}\ncustomer  {}\ncreated   {}\n",
            self.handle,
            self.id,
            or_dash(self.parent),
            or_dash(self.customer),
            self.created_at
        )
    }
}

/// `accounts list`
pub(crate) async fn list(global: &Global) -> Result<()> {
    let accounts = aws::table(&aws::sdk().await?, global).accounts().await?;
    let shown: Vec<Shown> = accounts.iter().map(Shown::from).collect();
    let rows: Vec<[String; 5]> = shown
        .iter()
        .map(|account| {
            [
                account.handle.into(),
                account.id.into(),
                or_dash(account.parent),
                or_dash(account.customer),
                account.created_at.clone(),
            ]
        })
        .collect();
    if shown.is_empty() {
        note("there are no accounts yet; next: billingctl accounts create --handle acme");
    }
    let text = columns(["HANDLE", "ID", "PARENT", "CUSTOMER", "CREATED"], &rows);
    global.output().result(&serde_json::json!({ "accounts": shown }), text)
}

/// `accounts show`
pub(crate) async fn show(global: &Global, handle_or_id: &str) -> Result<()> {
    #[derive(Serialize)]
    struct WithKeys<'a> {
        #[serde(flatten)]
        account: Shown<'a>,
        keys: Vec<api_keys::Shown>,
    }
    let table = aws::table(&aws::sdk().await?, global);
    let account = table.account(handle_or_id).await?;
    let keys = api_keys::shown(&table, &account.id).await?;
    let shown = WithKeys { account: Shown::from(&account), keys };
    let text = format!("{}\n{}", shown.account.text(), api_keys::rows(&shown.keys));
    global.output().result(&shown, text)
}
