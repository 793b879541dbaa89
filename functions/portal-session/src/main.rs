//! `POST /v1/billing/portal-session`: opens Stripe's Billing Portal.

use shared::{Route, Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Route::post(Scope::Admin), portal_session::portal_session).await
}
