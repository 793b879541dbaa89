//! A fake server on loopback with one configured behavior per request, which records the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use shared::aws::https::Https;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The behavior for one request.
#[derive(Clone)]
pub enum Behavior {
    /// Respond with a status, header lines and a body.
    Respond(u16, &'static str, String),
    /// Send nothing.
    Hang,
    /// Close the connection.
    Close,
    /// Close the connection in the middle of the response.
    Cut,
}

pub fn json(body: &str) -> Behavior {
    Behavior::Respond(200, "", body.to_owned())
}

pub fn refusal(status: u16, headers: &'static str) -> Behavior {
    let body = r#"{"error":{"type":"api_error","code":"a_code","message":"Stripe's words."}}"#;
    Behavior::Respond(status, headers, body.to_owned())
}

/// A server that runs until it is dropped.
pub struct Server {
    pub url: String,
    got: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server with one behavior per request. The last one repeats.
    pub async fn start(behaviors: Vec<Behavior>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let behaviors = Arc::new(Mutex::new(VecDeque::from(behaviors)));
        let kept = Arc::clone(&got);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&behaviors), Arc::clone(&kept)));
            }
        });
        Self { url, got, task }
    }

    /// Returns all requests with head and body.
    pub fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    /// Returns settings of AWS clients for this server, without retries and with a short timeout.
    pub fn aws(&self) -> aws_config::SdkConfig {
        aws(&self.url, Duration::from_millis(300))
    }
}

/// Returns settings of AWS clients for `url`, without retries.
pub fn aws(url: &str, timeout: Duration) -> aws_config::SdkConfig {
    let credentials = Credentials::new("k", "s", None, None, "test");
    aws_config::SdkConfig::builder()
        .http_client(Https::new().for_aws())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            aws_config::timeout::TimeoutConfig::builder().operation_timeout(timeout).build(),
        )
        .build()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A proxy that loses the first response to each request whose text contains one of these words.
pub struct LossyProxy {
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

impl LossyProxy {
    pub async fn start(upstream: &str, words: &[&'static str]) -> Self {
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let words = Arc::new(Mutex::new(words.to_vec()));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (upstream, words) = (upstream.clone(), Arc::clone(&words));
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(upstream).await.unwrap();
                    while let Some(request) = read(&mut stream).await {
                        server.write_all(request.as_bytes()).await.unwrap();
                        let response = read(&mut server).await.unwrap();
                        let lost = {
                            let mut words = words.lock().unwrap();
                            let at = words.iter().position(|word| request.contains(word));
                            at.map(|at| words.remove(at))
                        };
                        if lost.is_some() {
                            return;
                        }
                        stream.write_all(response.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { url, task }
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    behaviors: Arc<Mutex<VecDeque<Behavior>>>,
    got: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read(&mut stream).await {
        got.lock().unwrap().push(request);
        let behavior = {
            let mut behaviors = behaviors.lock().unwrap();
            if behaviors.len() > 1 { behaviors.pop_front() } else { behaviors.front().cloned() }
        };
        match behavior.expect("a behavior") {
            Behavior::Respond(status, headers, body) => {
                let id = if headers.contains("request-id:") { "" } else { "request-id: req_1\r\n" };
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{id}{headers}content-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
            Behavior::Hang => std::future::pending().await,
            Behavior::Close => return,
            Behavior::Cut => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":")
                    .await
                    .unwrap();
                return;
            }
        }
    }
}

/// Reads one request with head and body.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            });
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&more[..count]),
            _ => return None,
        }
    }
}
