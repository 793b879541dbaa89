//! `POST /v1/billing/portal-session`: Stripe's Billing Portal, where a customer sees to cards, invoices and cancellation.

use shared::{Scope, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    serve(Scope::Admin, portal_session::portal_session).await
}
