//! Reference page at `/docs`, served by one more local function beside the API that it describes.

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::stack::root;

/// Name of the function: of its queue at the Runtime API, and of this crate's program for `cargo lambda watch`.
pub(crate) const NAME: &str = "docs";

/// Page around the document and Scalar's bundle.
const TEMPLATE: &str = include_str!("../../contract/page.html");

/// Page without the bundle, which `make setup` installs where there is Node.
const NOT_INSTALLED: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Reference page not installed</title><main><h1>The reference page is not installed</h1>\
    <p>Install Node 20 or later with npm, run <code>make setup</code>, and reload this page.</p>\
    <p>The contract is <code>openapi.yaml</code>.</p></main></html>\n";

/// Returns the reference page: one HTML file with `openapi.yaml` and Scalar in it.
///
/// # Errors
/// The file that cannot be read, with the reason.
pub fn page() -> Result<String, String> {
    let read = |file: PathBuf| {
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let scalar =
        "tools/contract/node/node_modules/@scalar/api-reference/dist/browser/standalone.js";
    let document = read(root().join("openapi.yaml"))?;
    let scalar = read(root().join(scalar))?.replace("</script", "<\\/script");
    Ok(TEMPLATE.replacen("{{document}}", &document, 1).replacen("{{scalar}}", &scalar, 1))
}

/// Serves the page to the requests of a Runtime API until it closes. `api` is its address as functions find it in
/// `AWS_LAMBDA_RUNTIME_API`: without a scheme on Lambda, with one from cargo-lambda.
pub async fn serve(api: &str) {
    // One connection: cargo-lambda drops a request if the connection that took it closes before the response.
    let client =
        Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(HttpConnector::new());
    let queue =
        format!("http://{}/2018-06-01/runtime/invocation", api.trim_start_matches("http://"));
    while let Ok(next) =
        client.request(request("GET", &format!("{queue}/next"), Bytes::new())).await
    {
        let id = next.headers().get("lambda-runtime-aws-request-id").cloned();
        let id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        let response = Bytes::from(response().to_string());
        let sent = client.request(request("POST", &format!("{queue}/{id}/response"), response));
        let sent = sent.await;
        if next.into_body().collect().await.is_err() || sent.is_err() {
            return;
        }
    }
}

fn request(method: &str, url: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(url).body(Full::new(body));
    request.expect("a method and a URL")
}

fn response() -> Value {
    let (status, body) = page().map_or((503, NOT_INSTALLED.to_owned()), |page| (200, page));
    let headers = json!({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache", "x-content-type-options": "nosniff" });
    json!({
        "statusCode": status, "headers": headers, "multiValueHeaders": {}, "cookies": [],
        "isBase64Encoded": false, "body": body,
    })
}
