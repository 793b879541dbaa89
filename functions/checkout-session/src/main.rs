//! `POST /v1/billing/checkout-session`: starts a subscription in Stripe Checkout.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::post(Scope::Admin), checkout_session::checkout_session).await
}
