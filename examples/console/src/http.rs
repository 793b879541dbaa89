//! HTTP client for the servers of the local stack. It has no TLS.

use std::error::Error as _;
use std::time::Duration;

use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Longest time for a response. API Gateway ends a request after 30 seconds.
const LIMIT: Duration = Duration::from_secs(35);

/// Client with a pool of connections.
#[derive(Clone)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

/// Response with any status.
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http {
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The reason why no response arrived within [`LIMIT`].
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response, String> {
        let late = |_| format!("no response within {} s", LIMIT.as_secs());
        tokio::time::timeout(LIMIT, self.exchange(request)).await.map_err(late)?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response, String> {
        let response = self.0.request(request).await.map_err(|error| {
            error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
        })?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }
}

impl Response {
    /// Returns the value of a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
