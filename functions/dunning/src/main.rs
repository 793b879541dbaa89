//! `GET /v1/billing/dunning`: whether an account owes anything, since when, and the way out.

mod handler;
mod overdue;
mod shape;
mod state;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Read, handler::dunning).await
}

#[cfg(test)]
mod tests;
