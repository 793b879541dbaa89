//! `GET /v1/billing/summary`: an account's plan, its status, and what the next invoice would be now.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, summary::summary).await
}
