//! `POST /v1/billing/plan-change/preview`: previews a plan change to the cent. Changes nothing.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::post(Scope::Admin), plan_change_preview::plan_change_preview).await
}
