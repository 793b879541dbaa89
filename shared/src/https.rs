//! One HTTP client for everything that is asked: Stripe, DynamoDB and Secrets Manager.
//!
//! One TLS configuration is set up at a cold start and not three; and its root certificates are
//! Mozilla's, which are in the binary. Those of the system would have to be read and parsed from a
//! file each time. What is asked is on the public internet or at AWS; there is no private
//! certificate authority to be known.

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

/// Longest wait for a connection. A lost packet is sent again after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may be idle. Stripe and DynamoDB close theirs after a minute.
const IDLE: Duration = Duration::from_secs(50);

/// How long what was sent may stay unacknowledged. A connection whose other end has vanished without a word
/// is given up then, and not after the quarter of an hour that Linux would take; four retransmissions are over.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// More than Stripe's longest page and DynamoDB's largest item; less than what would hurt.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Connections, kept from one request to the next. Clones share them.
#[derive(Clone, Debug)]
pub struct Https(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    connector: HttpsConnector<HttpConnector>,
    pool: Mutex<(Pool, SystemTime)>,
}

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

    /// Sends a request, and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpsError`]; an answer of any status is none.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpsError> {
        self.send_at(request, SystemTime::now()).await
    }

    async fn send_at(
        &self,
        request: Request<Full<Bytes>>,
        now: SystemTime,
    ) -> Result<Response<Bytes>, HttpsError> {
        let (head, body) = self.0.at(now).request(request).await?.into_parts();
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

impl Kept {
    /// The connections to be used now. The pool drops those that were idle for too long, but by a clock that
    /// may have stood still while Lambda had frozen the process; all of them could be dead by then, and each
    /// would cost an attempt.
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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request on each connection after the other, and says at which connection it was.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                std::thread::spawn(move || answer_all(stream, number));
            }
        });
        url
    }

    fn answer_all(mut stream: std::net::TcpStream, number: usize) {
        let mut bytes = [0; 4096];
        while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
            stream.write_all(answer.as_bytes()).expect("the client reads");
        }
    }

    #[tokio::test]
    async fn a_connection_is_used_again_but_not_after_the_clock_went_on_without_us() {
        let (https, url) = (Https::new(), server());
        let at = SystemTime::now();
        for (later, connection) in
            [(0, "0"), (40, "0"), (80, "0"), (131, "1"), (131, "1"), (100, "1")]
        {
            let request = Request::get(&url).body(Full::default()).expect("a request");
            let now = at + Duration::from_secs(later);
            let answer = https.send_at(request, now).await.expect("an answer");
            assert_eq!(answer.body(), connection, "{later} s later");
        }
    }
}
