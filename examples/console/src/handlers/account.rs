//! Page of an account.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use futures_util::future::OptionFuture;
use serde::Deserialize;

use crate::api::{Api, Calls, new_key};
use crate::app::{Outcome, Shared, respond};
use crate::clock::Clocks;
use crate::views::account::{self, Parts};

#[derive(Deserialize)]
pub struct AccountQuery {
    /// Present after something has changed: the API then reads Stripe.
    pub fresh: Option<String>,
}

pub async fn show(
    State(console): State<Shared>,
    Path(name): Path<String>,
    query: Result<Query<AccountQuery>, QueryRejection>,
) -> Outcome {
    let stack = console.stack()?;
    let account = stack.find(&name)?;
    let calls = Calls::default();
    let api = Api::new(&console.http, &stack, account, &calls).fresh(query?.fresh.is_some());
    let clocks = Clocks::new(&console.http, &stack);
    let clock = OptionFuture::from(stack.has_sandbox().then(|| clocks.read(account)));
    let (summary, info, dunning, usage, invoices, clock) = tokio::join!(
        api.summary(),
        api.info(),
        api.dunning(),
        api.usage(),
        api.invoices(None),
        clock
    );
    let parts = Parts { summary, info, dunning, usage, invoices, clock };
    Ok(respond(&account::page(&name, &parts, new_key().as_deref()), &calls))
}
