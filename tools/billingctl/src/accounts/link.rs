//! An account's Stripe customer, linked and unlinked.

use shared::Account;
use shared::store::{Item, keys};

use super::{REMEMBERED, Shown, customer};
use crate::aws;
use crate::cli::{Global, LinkAccount};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::{Table, Written, handle_attributes};

/// `accounts link`
pub(crate) async fn link(global: &Global, wanted: LinkAccount) -> Result<()> {
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let before = table.account(&wanted.account).await?;
    let linked = Account { customer: Some(wanted.customer.clone()), ..before.clone() };
    let handle = &before.handle;
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
            customer::check(&sdk, &table, &wanted.stripe, &wanted.customer, &before.id).await?;
            write(&table, &before, &linked).await?;
            note(REMEMBERED);
        }
    }
    let shown = Shown::from(&linked);
    global.output().result(&shown, shown.text())
}

/// `accounts unlink`
pub(crate) async fn unlink(global: &Global, account: &str) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let before = table.account(account).await?;
    let after = Account { customer: None, ..before.clone() };
    match &before.customer {
        None => note(format_args!("{} has no customer; nothing was changed", before.handle)),
        Some(customer) => {
            write(&table, &before, &after).await?;
            note(format_args!("{customer} stays as it is in Stripe, and so does its subscription"));
            note(REMEMBERED);
        }
    }
    let shown = Shown::from(&after);
    global.output().result(&shown, shown.text())
}

/// The account and the entry that keeps a customer from being linked twice, in one transaction.
async fn write(table: &Table, before: &Account, after: &Account) -> Result<()> {
    let (own, attribute) = (keys::account(&before.id), ["customer"]);
    let mut parts = vec![table.changed(own, &attribute, &before.to_item(), &after.to_item())?];
    if let Some(customer) = &before.customer {
        // Of a customer that a function has made there is no entry.
        let condition = "attribute_not_exists(pk) OR account = :account";
        let values: Item = handle_attributes(&before.id)
            .into_iter()
            .map(|(name, value)| (format!(":{name}"), value))
            .collect();
        parts.push(table.deleted(keys::customer(customer), condition, values)?);
    }
    if let Some(customer) = &after.customer {
        parts.push(table.new_item(keys::customer(customer), handle_attributes(&after.id))?);
    }
    match table.write(parts).await? {
        Written::Done => Ok(()),
        Written::Refused(parts) if parts.first() == Some(&true) => Err(Failure::new(format!(
            "{0} was linked by somebody else meanwhile; see `billingctl accounts show {0}`",
            before.handle
        ))),
        Written::Refused(_) => {
            Err(Failure::new("this Stripe customer was linked to another account meanwhile"))
        }
    }
}
