//! `GET /v1/billing/dunning`: payment state of the account, and the way to recover.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "dunning").deciding_access(), dunning::dunning).await
}
