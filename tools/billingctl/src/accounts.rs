//! Accounts: made, shown, and linked to their Stripe customer.

use serde::Serialize;
use shared::Account;
use shared::respond::Timestamp;
use shared::store::keys;

use crate::cli::{CreateAccount, Global, LinkAccount};
use crate::error::{Failure, Result};
use crate::output::{columns, note, or_dash};
use crate::table::{Table, Written, handle_attributes};
use crate::{aws, ids, keys as api_keys, moment};

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

/// `accounts create`
pub(crate) async fn create(global: &Global, wanted: CreateAccount) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let parent = match &wanted.parent {
        Some(parent) => Some(table.account(parent).await?.id),
        None => None,
    };
    let id = match wanted.id {
        Some(id) => id,
        None => ids::random(Account::ID_PREFIX)?,
    };
    let account = Account {
        id,
        handle: wanted.handle,
        parent,
        customer: wanted.customer,
        created_at: Timestamp::now(),
    };
    insert(&table, &account).await?;
    let shown = Shown::from(&account);
    note(format_args!("next: billingctl keys create --account {} --scope admin", account.handle));
    global.output().result(&shown, shown.text())
}

/// Account and handle in one transaction, so that there is never one without the other. That the
/// parent has no parent itself is checked in it too: act-as knows one level only.
async fn insert(table: &Table, account: &Account) -> Result<()> {
    let mut parts = vec![
        table.new_item(keys::account(&account.id), account.to_item())?,
        table.new_item(keys::handle(&account.handle), handle_attributes(&account.id))?,
    ];
    if let Some(parent) = &account.parent {
        parts.push(table.check(
            keys::account(parent),
            "attribute_exists(pk) AND attribute_not_exists(parent)",
        )?);
    }
    let Written::Refused(parts) = table.write(parts).await? else { return Ok(()) };
    let refused = |part: usize| parts.get(part) == Some(&true);
    Err(Failure::new(if refused(0) {
        format!(
            "there is already an account with the id {}; leave --id away to have one made up",
            account.id
        )
    } else if refused(1) {
        format!(
            "the handle \"{}\" is taken; choose another, or see `billingctl accounts show {}`",
            account.handle, account.handle
        )
    } else {
        "the parent is itself a sub-account, or is gone; only an account without a parent can have sub-accounts".to_owned()
    }))
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

/// `accounts link`
pub(crate) async fn link(global: &Global, wanted: LinkAccount) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let before = table.account(&wanted.account).await?;
    let (linked, handle) =
        (Account { customer: Some(wanted.customer), ..before.clone() }, &before.handle);
    match &before.customer {
        Some(customer) if before.customer == linked.customer => {
            note(format_args!("{handle} is linked to {customer} already; nothing was changed"));
        }
        Some(customer) if !wanted.replace => {
            return Err(Failure::new(format!(
                "{handle} is linked to {customer}, which holds its subscription and invoices; add --replace to link it to another one all the same"
            )));
        }
        _ => {
            if !table
                .change(keys::account(&before.id), "customer", &before.to_item(), &linked.to_item())
                .await?
            {
                return Err(Failure::new(format!(
                    "{handle} was linked by somebody else meanwhile; see `billingctl accounts show {handle}`"
                )));
            }
            note("functions that remember the account see the new customer within 60 s");
        }
    }
    let shown = Shown::from(&linked);
    global.output().result(&shown, shown.text())
}
