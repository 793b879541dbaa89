//! `GET /v1/billing/summary`: an account's plan, its status, and what the next invoice would be now.

#[cfg(test)]
mod fixtures;
mod handler;
mod pending;
mod shape;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, handler::summary).await
}
