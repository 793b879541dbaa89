//! `accounts create`

use clap::Args;
use shared::aws::table::{Account, keys};
use shared::values::Timestamp;

use super::customer_check::{self, CustomerCheckArgs};
use super::view::AccountView;
use crate::aws::config;
use crate::aws::table::{Outcome, Table, account_reference};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::{account_id, customer_id, handle, handle_or_id};
use crate::values::id;

/// Create an account
///
/// An account needs no Stripe customer: its first checkout creates one.
///
///   billingctl accounts create --handle acme
///   billingctl accounts create --handle client --parent acme
///
/// With --parent it is a sub-account. The parent's keys can work in it (X-Cantila-Act-As).
///
/// Next: billingctl keys create --account acme --scope admin
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CreateArgs {
    /// Unique name in URLs and headers: 2 to 40 of a–z, 0–9 and -, starting with a letter
    #[arg(long, value_parser = handle)]
    handle: String,
    /// Account that can act for this one; it must have no parent itself
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    parent: Option<String>,
    /// Existing Stripe customer of the account
    #[arg(long, value_name = "CUS_ID", value_parser = customer_id)]
    customer: Option<String>,
    /// Account ID (acc_…) [default: generated]
    #[arg(long, value_name = "ACC_ID", value_parser = account_id)]
    id: Option<String>,
    #[command(flatten)]
    check: CustomerCheckArgs,
}

/// Runs `accounts create`.
pub(super) async fn run(options: &GlobalOptions, args: CreateArgs) -> Result<()> {
    let sdk = config::load(options).await?;
    let table = Table::new(&sdk, options);
    let parent = match &args.parent {
        Some(parent) => Some(table.account(parent).await?.id),
        None => None,
    };
    let id = match args.id {
        Some(id) => id,
        None => id::random(Account::ID_PREFIX)?,
    };
    if let Some(customer) = &args.customer {
        customer_check::run(options, &sdk, &table, &args.check, customer, &id).await?;
    }
    let account = Account {
        id,
        handle: args.handle,
        parent,
        customer: args.customer,
        created_at: Timestamp::now(),
    };
    insert(&table, &account).await?;
    let view = AccountView::from(&account);
    note(format_args!("next: billingctl keys create --account {} --scope admin", account.handle));
    options.output().result(&view, view.text())
}

/// Inserts the account and the entries of its handle and customer in one transaction. The transaction
/// also checks that the parent has no parent itself, because act-as covers one level.
async fn insert(table: &Table, account: &Account) -> Result<()> {
    let mut items = vec![
        table.put_new(keys::account(&account.id), account.to_item())?,
        table.put_new(keys::handle(&account.handle), account_reference(&account.id))?,
    ];
    if let Some(customer) = &account.customer {
        items.push(table.put_new(keys::customer(customer), account_reference(&account.id))?);
    }
    if let Some(parent) = &account.parent {
        items.push(table.check(
            keys::account(parent),
            "attribute_exists(pk) AND attribute_not_exists(parent)",
        )?);
    }
    let Outcome::ConditionFailed(failed) = table.transact(items).await? else { return Ok(()) };
    let failed = |item: usize| failed.get(item) == Some(&true);
    Err(CliError::new(if failed(0) {
        format!(
            "the account ID {} is taken; choose another, or omit --id to generate one",
            account.id
        )
    } else if failed(1) {
        format!(
            "the handle \"{0}\" is taken; choose another, or see `billingctl accounts show {0}`",
            account.handle
        )
    } else if account.customer.is_some() && failed(2) {
        "another command linked this Stripe customer to another account; choose another customer"
            .to_owned()
    } else {
        "the parent is a sub-account itself, or does not exist any more; choose an account without a parent"
            .to_owned()
    }))
}
