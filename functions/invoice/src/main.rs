//! `GET /v1/billing/invoices/{id}`: one invoice with its lines and payments.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "invoice"), invoice::invoice).await
}
