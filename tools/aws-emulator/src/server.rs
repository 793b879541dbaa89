//! HTTP server, on a thread of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::dynamodb::DynamoDb;
use crate::moto::Moto;
use crate::recording::{Recorded, Recording};

/// Prefix of the header `x-amz-target` in calls of DynamoDB.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// Settings of an emulator.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 takes a free port.
    pub listen: SocketAddr,
    /// File of DynamoDB's tables; they are in memory if it is absent.
    pub tables: Option<PathBuf>,
    /// URL of moto, without a trailing slash. If it is absent, only DynamoDB responds.
    pub moto: Option<String>,
    /// File that all requests are recorded in, as a [`Recorded`] per line.
    pub recording: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Self { listen, tables: None, moto: None, recording: None }
    }
}

/// Running emulator. Dropping it stops it.
pub struct Running {
    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub url: String,
    pub dynamodb: DynamoDb,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Listens immediately and serves on its own thread, so that synchronous tests and any async runtime can start it.
///
/// # Errors
/// If the address is in use or a file cannot be opened.
pub fn start(config: Config) -> io::Result<Running> {
    let dynamodb = match &config.tables {
        Some(file) => DynamoDb::open(file)?,
        None => DynamoDb::memory()?,
    };
    let recording = config.recording.as_deref().map(Recording::create).transpose()?;
    let moto = config.moto.map(Moto::new);
    let emulator = Arc::new(Emulator { dynamodb: dynamodb.clone(), moto, recording });
    let listener = TcpListener::bind(config.listen)?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", reachable(listener.local_addr()?));
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let thread = std::thread::Builder::new().name("aws-emulator".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener);
            let listener = listener.expect("the listener is non-blocking");
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            let router = Router::new().fallback(respond).with_state(emulator);
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                _ = stopped => {}
            }
        });
    })?;
    Ok(Running { url, dynamodb, stop: Some(stop), thread: Some(thread) })
}

/// Returns an address that can be opened: a server that listens on all interfaces is reachable on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has already reported its panic.
            let _ = thread.join();
        }
    }
}

struct Emulator {
    dynamodb: DynamoDb,
    moto: Option<Moto>,
    recording: Option<Recording>,
}

async fn respond(State(emulator): State<Arc<Emulator>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return failure(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            "the body is incomplete",
        );
    };
    emulator.respond(head, body.to_bytes()).await
}

impl Emulator {
    async fn respond(&self, head: Parts, body: Bytes) -> Response {
        let text = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let target = text("x-amz-target");
        if let Some(recording) = &self.recording {
            let recorded = Recorded {
                target: target.to_owned(),
                user_agent: text("user-agent").to_owned(),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            if let Err(error) = recording.add(&recorded) {
                eprintln!("aws-emulator: the request could not be recorded: {error}");
            }
        }
        if let Some(operation) = target.strip_prefix(DYNAMODB) {
            let response = self.dynamodb.execute(operation, &body);
            let status = StatusCode::from_u16(response.status).unwrap_or_default();
            let content_type = (header::CONTENT_TYPE, "application/x-amz-json-1.0");
            return (status, [content_type], response.body).into_response();
        }
        // moto accepts every name.
        if target == "secretsmanager.CreateSecret" && !has_valid_name(&body) {
            let message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
            return failure(StatusCode::BAD_REQUEST, "ValidationException", message);
        }
        let Some(moto) = &self.moto else {
            let message = "This emulator runs without moto and serves only DynamoDB.";
            return failure(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message);
        };
        moto.forward(head, body).await.unwrap_or_else(|reason| {
            let message = format!("moto did not respond: {reason}");
            failure(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", &message)
        })
    }
}

/// Returns whether AWS would accept the name in a request to create a secret.
fn has_valid_name(body: &[u8]) -> bool {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = request["Name"].as_str().unwrap_or_default();
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-/_+=.@!".contains(letter);
    (1..=512).contains(&name.len()) && name.chars().all(is_allowed)
}

/// Returns an error in the form of AWS's JSON protocols.
fn failure(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": kind, "message": message });
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], Body::from(body.to_string()))
        .into_response()
}
