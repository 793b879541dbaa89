//! Forms of the time machine.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use serde::Deserialize;

use crate::app::{Outcome, Problem, Shared, see_other};
use crate::clock::{Clocks, Step};
use crate::views::parts::account_url;

#[derive(Deserialize)]
pub struct Advance {
    by: Step,
}

pub async fn advance(
    State(console): State<Shared>,
    Path(name): Path<String>,
    form: Result<Form<Advance>, FormRejection>,
) -> Outcome {
    let Form(Advance { by }) = form?;
    let stack = console.stack()?;
    let clocks = Clocks::new(&console.http, &stack);
    clocks.advance(stack.find(&name)?, by).await.map_err(Problem::Clock)?;
    Ok(see_other(&format!("{}?fresh=1", account_url(&name))))
}

pub async fn advance_all(
    State(console): State<Shared>,
    form: Result<Form<Advance>, FormRejection>,
) -> Outcome {
    let Form(Advance { by }) = form?;
    let stack = console.stack()?;
    Clocks::new(&console.http, &stack).advance_all(by).await.map_err(Problem::Clock)?;
    Ok(see_other("/?fresh=1"))
}
