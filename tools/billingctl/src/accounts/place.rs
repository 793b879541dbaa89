//! An account's place: its handle, and the account above it.

use shared::Account;
use shared::store::{Item, keys};

use super::{REMEMBERED, Shown};
use crate::aws;
use crate::cli::{Global, RenameAccount, SetParent};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::table::{Written, handle_attributes};

/// `accounts rename`
pub(crate) async fn rename(global: &Global, wanted: RenameAccount) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let before = table.account(&wanted.account).await?;
    let after = Account { handle: wanted.handle, ..before.clone() };
    let shown = Shown::from(&after);
    if after.handle == before.handle {
        note(format_args!("that is its handle already; nothing was changed"));
        return global.output().result(&shown, shown.text());
    }
    let own: Item = handle_attributes(&before.id)
        .into_iter()
        .map(|(name, value)| (format!(":{name}"), value))
        .collect();
    let parts = vec![
        table.new_item(keys::handle(&after.handle), handle_attributes(&before.id))?,
        table.deleted(keys::handle(&before.handle), "account = :account", own)?,
        table.changed(
            keys::account(&before.id),
            &["handle"],
            &before.to_item(),
            &after.to_item(),
        )?,
    ];
    match table.write(parts).await? {
        Written::Done => {}
        Written::Refused(parts) if parts.first() == Some(&true) => {
            return Err(Failure::new(format!(
                "the handle \"{0}\" is taken; choose another, or see `billingctl accounts show {0}`",
                after.handle
            )));
        }
        Written::Refused(_) => {
            return Err(Failure::new(
                "the account was renamed by somebody else meanwhile; run the command again",
            ));
        }
    }
    note(format_args!(
        "\"{}\" is free for another account at once; functions may take it for this one for up to 60 s",
        before.handle
    ));
    global.output().result(&shown, shown.text())
}

/// `accounts set-parent`
pub(crate) async fn set_parent(global: &Global, wanted: &SetParent) -> Result<()> {
    let table = aws::table(&aws::sdk().await?, global);
    let before = table.account(&wanted.account).await?;
    let parent = match &wanted.parent {
        Some(parent) => Some(table.account(parent).await?.id),
        None => None,
    };
    let after = Account { parent: parent.clone(), ..before.clone() };
    let own = keys::account(&before.id);
    let mut parts = vec![table.changed(own, &["parent"], &before.to_item(), &after.to_item())?];
    if let Some(parent) = &parent {
        if *parent == before.id {
            return Err(Failure::new("an account cannot be its own parent"));
        }
        let below = table.accounts().await?;
        if below.iter().any(|account| account.parent.as_ref() == Some(&before.id)) {
            return Err(Failure::new(format!(
                "{} has sub-accounts itself, and there is one level only",
                before.handle
            )));
        }
        let condition = "attribute_exists(pk) AND attribute_not_exists(parent)";
        parts.push(table.check(keys::account(parent), condition)?);
    }
    match table.write(parts).await? {
        Written::Done => note(REMEMBERED),
        Written::Refused(parts) if parts.first() == Some(&true) => {
            return Err(Failure::new(
                "the account's parent was changed by somebody else meanwhile; run the command again",
            ));
        }
        Written::Refused(_) => {
            return Err(Failure::new(
                "the parent is itself a sub-account, or is gone; only an account without a parent can have sub-accounts",
            ));
        }
    }
    let shown = Shown::from(&after);
    global.output().result(&shown, shown.text())
}
