//! Empty function: the least that a function in Rust can cost. It has the functions' release profile and is built
//! alone, so that its dependencies have only the features that it needs.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, Error>(Response::new(Body::Empty)))).await
}
