//! One HTTP client for everything that is asked: Stripe, DynamoDB and Secrets Manager.
//!
//! One TLS configuration is set up at a cold start and not three; and its root certificates are
//! Mozilla's, which are in the binary. Those of the system would have to be read and parsed from a
//! file each time. What is asked is on the public internet or at AWS; there is no private
//! certificate authority to be known.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector as AwsConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Longest wait for a connection. A lost packet is sent again after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may be idle. Stripe and DynamoDB close theirs after a minute.
const IDLE: Duration = Duration::from_secs(50);

/// More than Stripe's longest page and DynamoDB's largest item; less than what would hurt.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Connections, kept from one request to the next. Clones share them.
#[derive(Clone, Debug)]
pub struct Https(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// No connection, or it broke. hyper's own text says no more than "client error".
    #[error("{}", chain(.0))]
    Broken(#[from] hyper_util::client::legacy::Error),
    /// It broke, or was too long, in the middle of the answer.
    #[error("{0}")]
    Cut(Box<dyn std::error::Error + Send + Sync>),
}

impl Default for Https {
    fn default() -> Self {
        Self::new()
    }
}

impl Https {
    /// No connection is open yet.
    #[must_use]
    pub fn new() -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let https = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(https);
        Self(client)
    }

    /// Sends a request, and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpsError`]; an answer of any status is none.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpsError> {
        let (head, body) = self.0.request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(HttpsError::Cut)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// The same connections, as the AWS clients take them.
    #[must_use]
    pub fn for_aws(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        // The time-outs of each call are the SDK's own: nothing hangs for lack of one here.
        http_client_fn(move |_, _| connector.clone())
    }
}

impl AwsConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let https = self.clone();
        HttpConnectorFuture::new(async move { https.exchange(request).await })
    }
}

impl Https {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |error| ConnectorError::user(error);
        let (head, body) =
            request.try_into_http1x().map_err(|error| user(error.into()))?.into_parts();
        // Nothing that is sent here is a stream.
        let body = body.bytes().ok_or_else(|| user("a body that is not in memory".into()))?;
        let request = Request::from_parts(head, Full::new(Bytes::copy_from_slice(body)));
        let answer = self.send(request).await.map_err(|error| match error {
            HttpsError::Cut(cause) if cause.is::<LengthLimitError>() => {
                ConnectorError::other(cause, None)
            }
            error => ConnectorError::io(error.into()),
        })?;
        HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| user(error.into()))
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
