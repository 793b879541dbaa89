//! Routes of the console.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::app::{Problem, Shared};
use crate::guard;
use crate::handlers::{account, accounts, change, clock, invoices, returns, sessions};
use crate::views::layout;

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
