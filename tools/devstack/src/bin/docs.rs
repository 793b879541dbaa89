//! Serves the reference page as a function of cargo-lambda. Without a Runtime API it prints the page.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") {
        devstack::docs::serve(&api).await;
        return ExitCode::SUCCESS;
    }
    match devstack::docs::page() {
        Ok(page) => print!("{page}"),
        Err(error) => {
            eprintln!("{error}; run `make setup`");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
