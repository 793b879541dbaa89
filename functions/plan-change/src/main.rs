//! `POST /v1/billing/plan-change`: changes the plan, if the payment goes through.

#[cfg(test)]
mod fixtures;
mod handler;
mod outcome;
mod progress;
mod swept;
mod update;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, handler::plan_change).await
}
