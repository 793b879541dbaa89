//! `GET /v1/billing/dunning`: whether an account owes anything, since when, and the way out.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, dunning::dunning).await
}
