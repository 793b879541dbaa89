//! The reference page under `cargo lambda watch`, which starts what it routes to.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    devstack::docs(format!("http://{api}")).await;
}
