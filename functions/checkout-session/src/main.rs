//! `POST /v1/billing/checkout-session`: starts a subscription in Stripe Checkout.

mod handler;
mod params;
mod session;

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, handler::checkout_session).await
}
