//! `accounts link` and `accounts unlink`

use clap::Args;
use shared::aws::table::{Account, keys};

use super::customer_check::{self, CustomerCheckArgs};
use super::view::{AccountView, CACHE_HINT};
use crate::aws::config;
use crate::aws::table::{Outcome, Table, account_condition, account_reference};
use crate::confirm::ConfirmArgs;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::values::arguments::{customer_id, handle_or_id};

/// Link an account to its Stripe customer
///
///   billingctl accounts link acme --customer cus_123
///
/// From then on the account has the subscription, the invoices and the portal of this customer. The
/// command first checks that the customer exists in the stack's mode. A customer can be linked to one
/// account.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LinkArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    /// Stripe customer
    #[arg(long, value_name = "CUS_ID", value_parser = customer_id)]
    customer: String,
    /// Replace the customer that the account is linked to
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    check: CustomerCheckArgs,
}

/// Unlink an account from its Stripe customer
///
///   billingctl accounts unlink acme
///
/// The customer stays as it is in Stripe. The next checkout of the account creates a new customer. If a
/// function created the old one less than 24 hours ago, Stripe returns the old one again. The command asks
/// first.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct UnlinkArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs `accounts link`.
pub(super) async fn link(options: &GlobalOptions, args: LinkArgs) -> Result<()> {
    let sdk = config::load(options).await?;
    let table = Table::new(&sdk, options);
    let before = table.account(&args.account).await?;
    let after = Account { customer: Some(args.customer.clone()), ..before.clone() };
    let handle = &before.handle;
    match &before.customer {
        Some(customer) if before.customer == after.customer => {
            note(format_args!("{handle} is already linked to {customer}; nothing was changed"));
        }
        Some(customer) if !args.replace => {
            return Err(CliError::new(format!(
                "{handle} is linked to {customer}, which has its subscription and invoices; use --replace to link it to another customer"
            )));
        }
        _ => {
            customer_check::run(options, &sdk, &table, &args.check, &args.customer, &before.id)
                .await?;
            write(&table, &before, &after).await?;
            note(CACHE_HINT);
        }
    }
    let view = AccountView::from(&after);
    options.output().result(&view, view.text())
}

/// Runs `accounts unlink`.
pub(super) async fn unlink(options: &GlobalOptions, args: &UnlinkArgs) -> Result<()> {
    let table = Table::new(&config::load(options).await?, options);
    let before = table.account(&args.account).await?;
    let after = Account { customer: None, ..before.clone() };
    match &before.customer {
        None => note(format_args!("{} has no customer; nothing was changed", before.handle)),
        Some(customer) => {
            args.confirm.ask(format_args!(
                "Unlink {} from {customer}? The API no longer shows its subscription and invoices.",
                before.handle
            ))?;
            write(&table, &before, &after).await?;
            note(format_args!("{customer} and its subscription stay as they are in Stripe"));
            note(CACHE_HINT);
        }
    }
    let view = AccountView::from(&after);
    options.output().result(&view, view.text())
}

/// Writes the account and the entries of its customers in one transaction. The entry keeps a customer
/// from being linked twice.
async fn write(table: &Table, before: &Account, after: &Account) -> Result<()> {
    let (key, attributes) = (keys::account(&before.id), ["customer"]);
    let mut items = vec![table.update(key, &attributes, &before.to_item(), &after.to_item())?];
    if let Some(customer) = &before.customer {
        // A customer that a function created has no entry.
        let condition = "attribute_not_exists(pk) OR account = :account";
        let values = account_condition(&before.id);
        items.push(table.delete(keys::customer(customer), condition, values)?);
    }
    if let Some(customer) = &after.customer {
        items.push(table.put_new(keys::customer(customer), account_reference(&after.id))?);
    }
    match table.transact(items).await? {
        Outcome::Written => Ok(()),
        Outcome::ConditionFailed(items) if items.first() == Some(&true) => {
            Err(CliError::new(format!(
                "another command changed the customer of {0}; see `billingctl accounts show {0}`",
                before.handle
            )))
        }
        Outcome::ConditionFailed(_) => Err(CliError::new(
            "another command linked this Stripe customer to another account; choose another customer",
        )),
    }
}
