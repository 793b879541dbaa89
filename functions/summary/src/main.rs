//! `GET /v1/billing/summary`: plan, status, and the estimate of the next invoice.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "summary"), summary::summary).await
}
