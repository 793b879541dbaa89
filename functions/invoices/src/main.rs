//! `GET /v1/billing/invoices`: an account's invoices, newest first, page by page.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, invoices::invoices).await
}
