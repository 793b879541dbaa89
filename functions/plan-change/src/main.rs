//! `POST /v1/billing/plan-change`: changes the plan if the payment succeeds.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::post(Scope::Admin), plan_change::plan_change).await
}
