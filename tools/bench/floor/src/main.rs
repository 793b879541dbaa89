//! A function that does nothing: the least that any function here can take. It has the functions'
//! own release profile, and is built by itself, so that it has no more of its libraries than it needs.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, Error>(Response::new(Body::Empty)))).await
}
