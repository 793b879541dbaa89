//! Pages to which customers return from Stripe.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::api::{Api, Calls};
use crate::app::{Outcome, Shared, respond};
use crate::views::returns::{self, Return};

#[derive(Deserialize)]
pub struct ReturnQuery {
    account: Option<String>,
}

type Parameters = Result<Query<ReturnQuery>, QueryRejection>;

pub async fn checkout(State(console): State<Shared>, query: Parameters) -> Outcome {
    arrive(&console, Return::Checkout, query).await
}

pub async fn canceled_checkout(State(console): State<Shared>, query: Parameters) -> Outcome {
    arrive(&console, Return::CanceledCheckout, query).await
}

pub async fn portal(State(console): State<Shared>, query: Parameters) -> Outcome {
    arrive(&console, Return::Portal, query).await
}

async fn arrive(console: &Shared, from: Return, query: Parameters) -> Outcome {
    let calls = Calls::default();
    let Some(name) = query?.0.account else {
        return Ok(respond(&returns::unknown(from), &calls));
    };
    let stack = console.stack()?;
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls).fresh(true);
    let summary = api.summary().await;
    Ok(respond(&returns::page(from, &name, &summary), &calls))
}
