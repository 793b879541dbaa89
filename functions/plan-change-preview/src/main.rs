//! `POST /v1/billing/plan-change/preview`: what a change of plan would cost now, to the cent. Changes nothing.

mod handler;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, handler::plan_change_preview).await
}
