//! `DELETE /v1/billing/plan-change`: drops a pending plan change or cancellation.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::post(Scope::Admin), plan_change_cancel::plan_change_cancel).await
}
