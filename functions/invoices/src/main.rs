//! `GET /v1/billing/invoices`: invoices, newest first, in pages.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, invoices::invoices).await
}
