//! Forwards requests to moto.

use axum::body::Body;
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Request, Response, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A moto server.
pub(crate) struct Moto {
    /// `http://HOST:PORT`, without a trailing slash.
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Moto {
    pub(crate) fn new(url: String) -> Self {
        Self { url, client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()) }
    }

    /// Forwards a request and returns moto's response.
    ///
    /// # Errors
    /// The reason why moto did not respond.
    pub(crate) async fn forward(&self, head: Parts, body: Bytes) -> Result<Response<Body>, String> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{}{path}", self.url).parse().map_err(text)?;
        let mut request = Request::from_parts(head, Full::new(body));
        *request.uri_mut() = uri;
        // The body has been read, and the connection to moto is another one.
        for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
            request.headers_mut().remove(name);
        }
        let response = self.client.request(request).await.map_err(text)?;
        let mut response = response.map(Body::new);
        for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
            response.headers_mut().remove(name);
        }
        Ok(response)
    }
}

/// Returns the message of an error and its source, since hyper's own message is only "client error".
fn text(error: impl std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
