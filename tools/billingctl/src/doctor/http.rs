//! One plain HTTP request: for what is asked of answers beside their bodies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{HeaderMap, Method, Request};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(15);
const LONGEST_ANSWER: usize = 1024 * 1024;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends it, and says why there was no answer. A certificate that is not to be trusted is none.
pub(super) async fn send(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
) -> Result<Answer, String> {
    let connector =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::default()).map_err(|error| error.to_string())?;
    let exchange = async {
        let answer = client.request(request).await.map_err(|error| innermost(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    timeout(LIMIT, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// hyper's own text is only "client error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
