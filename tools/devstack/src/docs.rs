//! The reference page at `/docs`, beside the API that it describes: one more function, for this machine alone.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The function's name: its queue at the Runtime API, and a program of this crate for `cargo lambda watch`.
pub(crate) const NAME: &str = "docs";

const PAGE: &str = include_str!("../../../docs/api.html");

/// Answers every request for the page, for as long as the Runtime API hands them out. `api` is its address as a
/// function finds it in `AWS_LAMBDA_RUNTIME_API`: without a scheme on Lambda, with one from cargo-lambda.
pub async fn serve(api: &str) {
    // One connection for both: cargo-lambda gives up a request whose taker hangs up before the answer is in.
    let client =
        Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(HttpConnector::new());
    let queue =
        format!("http://{}/2018-06-01/runtime/invocation", api.trim_start_matches("http://"));
    let answer = Bytes::from(answer().to_string());
    while let Ok(next) =
        client.request(request("GET", &format!("{queue}/next"), Bytes::new())).await
    {
        let id = next.headers().get("lambda-runtime-aws-request-id").cloned();
        let id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        let answered = request("POST", &format!("{queue}/{id}/response"), answer.clone());
        let sent = client.request(answered).await;
        if next.into_body().collect().await.is_err() || sent.is_err() {
            return;
        }
    }
}

fn request(method: &str, url: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(url).body(Full::new(body));
    request.expect("a method and a URL")
}

fn answer() -> Value {
    let headers = json!({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache", "x-content-type-options": "nosniff" });
    json!({
        "statusCode": 200, "headers": headers, "multiValueHeaders": {}, "cookies": [],
        "isBase64Encoded": false, "body": PAGE,
    })
}
