//! `GET /v1/billing/info`: what is sold, what the account has, and what it may do now.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, info::info).await
}
