//! Change of plan: preview, confirmation at the quoted price, and dropping what is pending.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use crate::api::{Api, Calls, Failure, Preview, Target, new_key};
use crate::app::{Outcome, Shared, respond};
use crate::views::change;
use crate::views::layout::Page;

#[derive(Deserialize)]
pub struct PreviewQuery {
    plan: String,
    interval: String,
    effective: Option<String>,
}

/// Confirmation of a preview.
#[derive(Deserialize)]
pub struct Confirmation {
    plan: String,
    interval: String,
    effective: String,
    quote: String,
    /// Idempotency key: a form that is submitted twice changes the plan once.
    key: Option<String>,
    max_amount: Option<String>,
}

pub async fn preview(
    State(console): State<Shared>,
    Path(name): Path<String>,
    query: Result<Query<PreviewQuery>, QueryRejection>,
) -> Outcome {
    let Query(PreviewQuery { plan, interval, effective }) = query?;
    let target = Target { plan, interval, effective: effective.unwrap_or("now".to_owned()) };
    let stack = console.stack()?;
    let calls = Calls::default();
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls);
    let page = match api.preview(&target).await {
        Ok(preview) => change::preview(&name, &target, &preview, new_key().as_deref()),
        Err(error) => change::failed(&name, &target, &error),
    };
    Ok(respond(&page, &calls))
}

pub async fn confirm(
    State(console): State<Shared>,
    Path(name): Path<String>,
    form: Result<Form<Confirmation>, FormRejection>,
) -> Outcome {
    let Form(form) = form?;
    let Confirmation { plan, interval, effective, quote, key, max_amount } = form;
    let target = Target { plan, interval, effective };
    let max_amount = max_amount.filter(|amount| !amount.is_empty());
    let stack = console.stack()?;
    let calls = Calls::default();
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls);
    let changed = api.change(&target, &quote, max_amount.as_deref(), key.as_deref()).await;
    let page = match changed {
        Ok(outcome) => change::outcome(&name, &outcome),
        Err(error) => failed(&name, &target, &error),
    };
    Ok(respond(&page, &calls))
}

/// Returns the page for a change that was not made: the fresh preview if the price has changed.
fn failed(name: &str, target: &Target, error: &Failure) -> Page {
    let changed = error.refused("quote_changed");
    let preview = changed.and_then(|one| {
        let preview: Preview = serde_json::from_value(one.details["preview"].clone()).ok()?;
        Some((one, preview))
    });
    match preview {
        Some((refusal, preview)) => {
            change::changed_quote(name, target, refusal, &preview, new_key().as_deref())
        }
        None => change::failed(name, target, error),
    }
}

#[derive(Deserialize)]
pub struct Dropping {
    key: Option<String>,
}

pub async fn drop_pending(
    State(console): State<Shared>,
    Path(name): Path<String>,
    form: Result<Form<Dropping>, FormRejection>,
) -> Outcome {
    let Form(Dropping { key }) = form?;
    let stack = console.stack()?;
    let calls = Calls::default();
    let api = Api::new(&console.http, &stack, stack.find(&name)?, &calls);
    let dropped = api.drop_change(key.as_deref()).await;
    Ok(respond(&change::dropped(&name, &dropped), &calls))
}
