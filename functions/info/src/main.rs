//! `GET /v1/billing/info`: configuration, capabilities and plans.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::get(Scope::Read, "info"), info::info).await
}
