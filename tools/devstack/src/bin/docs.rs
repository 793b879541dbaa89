//! The reference page as a function's program, as cargo-lambda starts what it routes to.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    devstack::docs(&api).await;
}
