//! Pages to which customers return from Stripe.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::Outcome;
use crate::api::{Api, Calls};
use crate::app::{Shared, respond};
use crate::views::returns::{self, From};

#[derive(Deserialize)]
pub struct Asked {
    account: Option<String>,
}

type AskedFor = Result<Query<Asked>, QueryRejection>;

pub async fn checkout(State(console): State<Shared>, query: AskedFor) -> Outcome {
    arrive(&console, From::Checkout, query).await
}

pub async fn canceled_checkout(State(console): State<Shared>, query: AskedFor) -> Outcome {
    arrive(&console, From::CanceledCheckout, query).await
}

pub async fn portal(State(console): State<Shared>, query: AskedFor) -> Outcome {
    arrive(&console, From::Portal, query).await
}

async fn arrive(console: &Shared, from: From, query: AskedFor) -> Outcome {
    let calls = Calls::default();
    let Some(name) = query?.0.account else {
        return Ok(respond(&returns::unknown(from), &calls));
    };
    let stack = console.stack()?;
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls).fresh(true);
    let summary = api.summary().await;
    Ok(respond(&returns::page(from, &name, &summary), &calls))
}
