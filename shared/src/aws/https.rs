//! One HTTPS client for Stripe, DynamoDB and Secrets Manager.
//!
//! A single TLS configuration saves time in a cold start. The root certificates are Mozilla's,
//! compiled into the binary: reading the system's would cost a file read and a parse per cold start,
//! and every host is public.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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

/// Longest wait for a connection. TCP retransmits a lost packet after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest idle time of a connection. Stripe and DynamoDB close theirs after a minute.
const IDLE: Duration = Duration::from_secs(50);

/// Longest time that sent data may stay unacknowledged (`TCP_USER_TIMEOUT`), about four retransmissions.
/// Linux would otherwise keep a connection to a vanished host for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// Longest accepted response body in bytes: above Stripe's longest page and DynamoDB's largest item.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// HTTPS client with pooled connections. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Https(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    connector: HttpsConnector<HttpConnector>,
    pool: Mutex<(Pool, SystemTime)>,
}

/// A request without a complete response.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The connection failed. hyper's own text says only "client error", so the causes follow.
    #[error("{}", chain(.0))]
    Broken(#[from] hyper_util::client::legacy::Error),
    /// The response broke off or was too long.
    #[error("{0}")]
    Cut(Box<dyn std::error::Error + Send + Sync>),
}

impl Default for Https {
    fn default() -> Self {
        Self::new()
    }
}

impl Https {
    /// Creates a client without open connections.
    pub fn new() -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let pool = Mutex::new((pool(&connector), SystemTime::now()));
        Self(Arc::new(Kept { connector, pool }))
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// [`HttpsError`] if there is no complete response.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpsError> {
        self.send_at(request, SystemTime::now()).await
    }

    async fn send_at(
        &self,
        request: Request<Full<Bytes>>,
        now: SystemTime,
    ) -> Result<Response<Bytes>, HttpsError> {
        let (head, body) = self.0.at(now).request(request).await?.into_parts();
        let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(HttpsError::Cut)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Returns the same pool as an HTTP client for the AWS SDK.
    pub fn for_aws(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        // The SDK enforces its own timeouts around each call.
        http_client_fn(move |_, _| connector.clone())
    }
}

impl Kept {
    /// Returns the pool to use at `now`, a new one after a long pause.
    ///
    /// The pool's own idle timer uses a monotonic clock, which stands still while Lambda freezes the
    /// process. After a freeze every pooled connection may be dead, and each would cost an attempt.
    fn at(&self, now: SystemTime) -> Pool {
        let mut kept = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(kept.1).is_ok_and(|idle| idle > IDLE) {
            kept.0 = pool(&self.connector);
        }
        kept.1 = now;
        kept.0.clone()
    }
}

fn pool(connector: &HttpsConnector<HttpConnector>) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector.clone())
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
        // No request here streams its body.
        let body = body.bytes().ok_or_else(|| user("a body that is not in memory".into()))?;
        let request = Request::from_parts(head, Full::new(Bytes::copy_from_slice(body)));
        let response = self.send(request).await.map_err(|error| match error {
            HttpsError::Cut(cause) if cause.is::<LengthLimitError>() => {
                ConnectorError::other(cause, None)
            }
            error => ConnectorError::io(error.into()),
        })?;
        HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| user(error.into()))
    }
}

/// Joins the messages of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Starts a server that responds to each request with the number of its connection.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                std::thread::spawn(move || respond_to_all(stream, number));
            }
        });
        url
    }

    fn respond_to_all(mut stream: std::net::TcpStream, number: usize) {
        let mut bytes = [0; 4096];
        while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
            stream.write_all(response.as_bytes()).expect("the client reads");
        }
    }

    #[tokio::test]
    async fn connection_is_reused_except_after_a_freeze() {
        let (https, url) = (Https::new(), server());
        let at = SystemTime::now();
        for (later, connection) in
            [(0, "0"), (40, "0"), (80, "0"), (131, "1"), (131, "1"), (100, "1")]
        {
            let request = Request::get(&url).body(Full::default()).expect("a request");
            let now = at + Duration::from_secs(later);
            let response = https.send_at(request, now).await.expect("a response");
            assert_eq!(response.body(), connection, "{later} s later");
        }
    }
}
