//! Pages and forms: each fetches, decides and responds.

mod account;
mod accounts;
mod change;
mod clock;
mod invoices;
mod returns;
mod sessions;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::app::{Problem, Shared};
use crate::guard;
use crate::views::layout;

/// Response, or a page that says why there is none.
type Outcome = Result<Response, Problem>;

pub fn router(console: Shared) -> Router {
    Router::new()
        .route("/", get(accounts::list))
        .route("/style.css", get(style))
        .route("/accounts/{name}", get(account::show))
        .route("/accounts/{name}/invoices", get(invoices::list))
        .route("/accounts/{name}/invoices/{id}", get(invoices::show))
        .route("/accounts/{name}/change", get(change::preview).post(change::confirm))
        .route("/accounts/{name}/change/drop", post(change::drop_pending))
        .route("/accounts/{name}/checkout", post(sessions::checkout))
        .route("/accounts/{name}/portal", post(sessions::portal))
        .route("/accounts/{name}/clock", post(clock::advance))
        .route("/clock", post(clock::advance_all))
        .route("/billing", get(returns::portal))
        .route("/billing/welcome", get(returns::checkout))
        .route("/billing/plans", get(returns::canceled_checkout))
        .fallback(|| async { Problem::UnknownPage })
        .layer(middleware::from_fn_with_state(console.clone(), guard::check))
        .with_state(console)
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], layout::STYLE).into_response()
}

/// Redirects with GET.
fn see_other(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}

/// Returns a new idempotency key, or none if the machine has no randomness: the API takes requests without one.
fn new_key() -> Option<String> {
    let (first, second) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
    Some(format!("console-{first:016x}{second:016x}"))
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::MalformedForm(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::MalformedForm(rejection.body_text())
    }
}
