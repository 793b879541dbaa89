//! Follows Stripe's events each minute, so that stored reads are known to hold.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::serve_schedule(follow::follow).await
}
