//! `GET /v1/billing/dunning`: payment state of the account, and the way to recover.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, dunning::dunning).await
}
