//! `GET /v1/billing/info`: configuration, capabilities and plans.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, info::info).await
}
