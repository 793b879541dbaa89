//! A new account.

use shared::Account;
use shared::respond::Timestamp;
use shared::store::keys;

use super::{Shown, customer};
use crate::cli::{CreateAccount, Global};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::{Table, Written, handle_attributes};
use crate::{aws, ids};

/// `accounts create`
pub(crate) async fn create(global: &Global, wanted: CreateAccount) -> Result<()> {
    let sdk = aws::sdk().await?;
    let table = aws::table(&sdk, global);
    let parent = match &wanted.parent {
        Some(parent) => Some(table.account(parent).await?.id),
        None => None,
    };
    let id = match wanted.id {
        Some(id) => id,
        None => ids::random(Account::ID_PREFIX)?,
    };
    if let Some(customer) = &wanted.customer {
        customer::check(&sdk, &table, &wanted.stripe, customer, &id).await?;
    }
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

/// Account, handle and customer in one transaction, so that there is never one without the others.
/// That the parent has no parent itself is checked in it too: act-as knows one level only.
async fn insert(table: &Table, account: &Account) -> Result<()> {
    let mut parts = vec![
        table.new_item(keys::account(&account.id), account.to_item())?,
        table.new_item(keys::handle(&account.handle), handle_attributes(&account.id))?,
    ];
    if let Some(customer) = &account.customer {
        parts.push(table.new_item(keys::customer(customer), handle_attributes(&account.id))?);
    }
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
    } else if account.customer.is_some() && refused(2) {
        "this Stripe customer was linked to another account meanwhile".to_owned()
    } else {
        "the parent is itself a sub-account, or is gone; only an account without a parent can have sub-accounts".to_owned()
    }))
}
