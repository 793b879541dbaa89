//! List of the accounts.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use futures_util::future::join_all;

use super::account::AccountQuery;
use crate::api::{Api, Calls};
use crate::app::{Outcome, Shared, respond};
use crate::views::accounts::{self, Entry};

pub async fn list(
    State(console): State<Shared>,
    query: Result<Query<AccountQuery>, QueryRejection>,
) -> Outcome {
    let fresh = query?.fresh.is_some();
    let stack = console.stack()?;
    let calls = Calls::default();
    let entries = stack.accounts.iter().map(async |account| {
        let api = Api::new(&console.http, &stack, account, &calls).fresh(fresh);
        let (summary, dunning) = tokio::join!(api.summary(), api.dunning());
        let holder = stack.key_holder(account);
        let parent = (holder.id != account.id).then_some(holder.name.as_str());
        Entry { account, parent, summary, dunning }
    });
    let entries = join_all(entries).await;
    Ok(respond(&accounts::page(&entries, stack.has_sandbox()), &calls))
}
