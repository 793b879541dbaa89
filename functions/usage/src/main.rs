//! `GET /v1/billing/usage`: what was used and what it costs, by meter and day.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "usage"), usage::usage).await
}
