//! Forms that lead to Stripe's pages: Checkout and the portal.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::api::{Api, Calls, Failure, Session, encoded};
use crate::app::{Outcome, Shared, respond, see_other};
use crate::views::session;

#[derive(Deserialize)]
pub struct Order {
    plan: String,
    interval: String,
}

#[derive(Deserialize)]
pub struct Flow {
    flow: Option<String>,
}

pub async fn checkout(
    State(console): State<Shared>,
    Path(name): Path<String>,
    form: Result<Form<Order>, FormRejection>,
) -> Outcome {
    let Form(Order { plan, interval }) = form?;
    let account = encoded(&name);
    let body = json!({
        "plan": plan,
        "interval": interval,
        "successUrl": console.url(&format!("/billing/welcome?account={account}")),
        "cancelUrl": console.url(&format!("/billing/plans?account={account}")),
    });
    let stack = console.stack()?;
    let calls = Calls::default();
    let made = Api::new(&console.http, &stack, stack.find(&name)?, &calls).checkout(&body).await;
    Ok(lead(&name, "Checkout", made, &calls))
}

pub async fn portal(
    State(console): State<Shared>,
    Path(name): Path<String>,
    form: Result<Form<Flow>, FormRejection>,
) -> Outcome {
    let Form(Flow { flow }) = form?;
    let url = console.url(&format!("/billing?account={}", encoded(&name)));
    let body = json!({ "flow": flow, "returnUrl": url });
    let stack = console.stack()?;
    let calls = Calls::default();
    let made = Api::new(&console.http, &stack, stack.find(&name)?, &calls).portal(&body).await;
    Ok(lead(&name, "The billing portal", made, &calls))
}

/// Redirects to Stripe's page, or says why there is none.
fn lead(name: &str, what: &str, made: Result<Session, Failure>, calls: &Calls) -> Response {
    match made {
        Ok(Session { url: Some(url) }) => see_other(&url),
        Ok(Session { url: None }) => {
            let reason = "a hosted session has no URL".to_owned();
            let error = Failure::Malformed { status: 201, reason, request_id: None };
            respond(&session::failed(name, what, &error), calls)
        }
        Err(error) => respond(&session::failed(name, what, &error), calls),
    }
}
