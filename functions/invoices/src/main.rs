//! `GET /v1/billing/invoices`: an account's invoices, newest first, page by page.

mod handler;
mod page;
mod params;
mod shape;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, handler::invoices).await
}
