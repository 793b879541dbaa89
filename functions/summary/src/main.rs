//! `GET /v1/billing/summary`: plan, status, and the estimate of the next invoice.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, summary::summary).await
}
