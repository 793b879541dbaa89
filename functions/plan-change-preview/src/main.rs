//! `POST /v1/billing/plan-change/preview`: what a change of plan would cost now, to the cent. Changes nothing.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, plan_change_preview::plan_change_preview).await
}
