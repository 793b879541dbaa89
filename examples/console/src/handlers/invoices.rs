//! Invoices.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use crate::api::{Api, Calls};
use crate::app::{Outcome, Shared, respond};
use crate::views::{account, invoice};

#[derive(Deserialize)]
pub struct PageQuery {
    cursor: Option<String>,
}

pub async fn list(
    State(console): State<Shared>,
    Path(name): Path<String>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Outcome {
    let stack = console.stack()?;
    let calls = Calls::default();
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls);
    let found = api.invoices(query?.cursor.as_deref()).await;
    Ok(respond(&account::invoice_page(&name, &found), &calls))
}

pub async fn show(
    State(console): State<Shared>,
    Path((name, id)): Path<(String, String)>,
) -> Outcome {
    let stack = console.stack()?;
    let calls = Calls::default();
    let found = Api::new(&console.http, &stack, stack.find(&name)?, &calls).invoice(&id).await;
    Ok(respond(&invoice::page(&name, &found), &calls))
}
