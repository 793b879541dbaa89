//! `GET /v1/billing/invoices`: invoices, newest first, in pages.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "invoices"), invoices::invoices).await
}
