//! `POST /v1/billing/plan-change`: changes the plan if the payment succeeds.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, plan_change::plan_change).await
}
