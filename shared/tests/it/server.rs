//! A server on loopback that answers as it is told, one behaviour a request, and keeps what it got.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use shared::aws::https::Https;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone)]
pub enum Behavior {
    /// Answer with this status, these header lines, this body.
    Answer(u16, &'static str, String),
    /// Say nothing.
    Hang,
    /// Close the connection without a word.
    Close,
    /// Close it in the midst of the answer.
    Cut,
}

pub fn json(body: &str) -> Behavior {
    Behavior::Answer(200, "", body.to_owned())
}

pub fn refusal(status: u16, headers: &'static str) -> Behavior {
    let body = r#"{"error":{"type":"api_error","code":"a_code","message":"Stripe's words."}}"#;
    Behavior::Answer(status, headers, body.to_owned())
}

/// Running until it is dropped.
pub struct Server {
    pub url: String,
    got: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers the first request with the first behaviour, and so on; the last one stays.
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

    /// Every request, head and body, as it came.
    pub fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    /// AWS clients that talk to this server, once each and not for long.
    pub fn aws(&self) -> aws_config::SdkConfig {
        aws(&self.url, Duration::from_millis(300))
    }
}

/// AWS clients that talk to `url`, once each and for `timeout` at most.
pub fn aws(url: &str, timeout: Duration) -> aws_config::SdkConfig {
    let credentials = Credentials::new("k", "s", None, None, "test");
    aws_config::SdkConfig::builder()
        .http_client(Https::new().for_aws())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .retry_config(aws_config::retry::RetryConfig::disabled())
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
        match behavior.expect("a behaviour") {
            Behavior::Answer(status, headers, body) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\nrequest-id: req_1\r\n{headers}content-length: {}\r\n\r\n",
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

/// One request: its head, an empty line, its body.
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
