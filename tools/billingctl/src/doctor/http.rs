//! A plain HTTP request, for checks of status and headers.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{HeaderMap, Method, Request};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::error::root_cause;

const TIMEOUT: Duration = Duration::from_secs(15);
const MAX_BODY: usize = 1024 * 1024;

/// Status, headers and body of a response.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Response {
    /// Returns the header's value if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends a request.
///
/// # Errors
/// The reason why there is no response, for example an untrusted certificate.
pub(super) async fn send(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
) -> Result<Response, String> {
    let connector =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::default()).map_err(|error| error.to_string())?;
    let exchange = async {
        // hyper's own message is only "client error".
        let response = client.request(request).await.map_err(|error| root_cause(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err("timeout".to_owned()))
}
