//! The HTTP server: what all requests share, faults, headers and the log.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::auth::{Grant, Keys, masked};
use super::dispatch::{Answer, Incoming, VERSION, answer};
use super::errors::ApiError;
use super::faults::{Fault, Faults, Kind};
use super::idempotency::Store;
use super::log::{Entry, Log};
use super::{admin, pages};
use crate::config::{Config, Settings};
use crate::engine::period::Timestamp;
use crate::snapshot::{self, View};
use crate::world::World;
use crate::world::ids::Ids;

/// Everything that outlives a request.
pub struct Shared {
    world: Mutex<World>,
    keys: Mutex<Keys>,
    idempotency: Mutex<Store>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
    request_ids: Mutex<Ids>,
    snapshot: Option<PathBuf>,
}

/// A request that panicked must not take the sandbox with it: the lock is taken over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// What the snapshot holds, if there is one; keys of the configuration are valid as well.
    pub fn new(config: Config, address: SocketAddr) -> io::Result<Shared> {
        let origin = format!("http://{address}");
        let found = config.snapshot.as_deref().map(snapshot::read).transpose()?.flatten();
        let (world, mut keys, idempotency) = if let Some(found) = found {
            (found.world.wake(origin), found.keys, found.idempotency.wake())
        } else {
            let settings = Settings { rules: config.rules, origin };
            (World::new(settings, seed(), real_now()), Keys::default(), Store::default())
        };
        for key in &config.secret_keys {
            keys.set(key, Grant::Everything);
        }
        for (key, permissions) in config.restricted_keys {
            keys.set(&key, Grant::from_list(Some(permissions)));
        }
        Ok(Shared {
            world: Mutex::new(world),
            keys: Mutex::new(keys),
            idempotency: Mutex::new(idempotency),
            faults: Mutex::default(),
            log: Mutex::default(),
            request_ids: Mutex::new(Ids::new(seed())),
            snapshot: config.snapshot,
        })
    }

    /// Writes the snapshot, if there is to be one, and says where.
    pub fn save(&self) -> io::Result<Option<&Path>> {
        let Some(path) = self.snapshot.as_deref() else { return Ok(None) };
        View::new(&self.world(), &self.keys(), &self.idempotency()).write(path)?;
        Ok(Some(path))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub fn keys(&self) -> MutexGuard<'_, Keys> {
        lock(&self.keys)
    }

    pub fn idempotency(&self) -> MutexGuard<'_, Store> {
        lock(&self.idempotency)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub fn request_id(&self) -> String {
        lock(&self.request_ids).id("req")
    }

    /// Forgets everything but the keys and the settings.
    pub fn reset(&self) {
        let mut world = self.world();
        *world = World::new(world.settings.clone(), seed(), real_now());
        *self.idempotency() = Store::default();
        self.faults().clear();
        self.log().clear();
    }
}

/// The time outside, which the sandbox's own clock follows.
pub fn real_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_secs()).expect("the time fits in 63 bits")
}

fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| real_now().unsigned_abs())
}

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

const LARGEST_BODY: usize = 4 * 1024 * 1024;

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(413, "The request body is too large or broke off.");
    };
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        authorization: header("authorization"),
        version: header("stripe-version"),
        content_type: header("content-type"),
        idempotency_key: header("idempotency-key"),
    };
    if incoming.path == "/v1" || incoming.path.starts_with("/v1/") {
        // On a task of its own: whoever hangs up does not take back what was asked for.
        let work = tokio::spawn(async move { stripe(&shared, &incoming).await });
        work.await.unwrap_or_else(|_| plain(500, "The sandbox has failed; its log says where."))
    } else if incoming.path.starts_with("/_sandbox") {
        admin::handle(&shared, &incoming)
    } else {
        pages::handle(&shared, &incoming)
    }
}

async fn stripe(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let fault = shared.faults().take(&incoming.method, &incoming.path);
    let kind = fault.as_ref().map(|fault| fault.kind);
    let before = fault.as_ref().filter(|fault| !fault.after_work);
    if let Some(fault) = before {
        wait(fault).await;
        if fault.kind != Kind::Latency {
            let answer = fault_answer(shared, fault);
            record(shared, incoming, &answer, kind);
            return fault_response(fault, &answer);
        }
    }
    let answer = answer(shared, incoming);
    let after = fault.as_ref().filter(|fault| fault.after_work);
    if let Some(fault) = after {
        wait(fault).await;
    }
    let keyed = incoming
        .idempotency_key
        .as_deref()
        .filter(|_| answer.claimed.is_some() || answer.replay_of.is_some());
    if let Some(key) = &answer.claimed {
        shared.idempotency().finish(key);
    }
    record(shared, incoming, &answer, kind);
    match after.filter(|fault| fault.kind != Kind::Latency) {
        Some(fault) => fault_response(fault, &fault_answer(shared, fault)),
        None => respond(&answer, keyed),
    }
}

async fn wait(fault: &Fault) {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
}

fn fault_answer(shared: &Shared, fault: &Fault) -> Answer {
    let request_id = shared.request_id();
    let error = match fault.status {
        429 => ApiError::with_status(429, "Too many requests hit the API too quickly.")
            .code("rate_limit"),
        409 => ApiError::with_status(409, "This object cannot be accessed right now.")
            .code("lock_timeout"),
        status => ApiError::with_status(
            status,
            "An error occurred on our end (asked for with /_sandbox/faults).",
        ),
    };
    let (status, body) = match fault.kind {
        Kind::Garbage => (200, "<html>this is not the JSON you are looking for".to_owned()),
        _ => (fault.status, error.to_json(&request_id).to_string()),
    };
    let message = Some(error.message().to_owned());
    Answer { status, body, request_id, key: None, message, claimed: None, replay_of: None }
}

fn fault_response(fault: &Fault, answer: &Answer) -> Response<Body> {
    if fault.kind == Kind::Cut {
        let mut response = Response::new(Body::new(Cut));
        response.headers_mut().insert("content-length", HeaderValue::from_static("1000"));
        return response;
    }
    let mut response = respond(answer, None);
    let headers = response.headers_mut();
    if let Some(retry) = fault.should_retry {
        set(headers, "stripe-should-retry", &retry.to_string());
    }
    if let Some(seconds) = fault.retry_after {
        set(headers, "retry-after", &seconds.to_string());
    }
    response
}

fn respond(answer: &Answer, idempotency_key: Option<&str>) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    set(headers, "content-type", "application/json");
    set(headers, "request-id", &answer.request_id);
    set(headers, "stripe-version", VERSION);
    if let Some(key) = idempotency_key {
        set(headers, "idempotency-key", key);
        set(headers, "original-request", answer.replay_of.as_deref().unwrap_or(&answer.request_id));
    }
    if answer.replay_of.is_some() {
        set(headers, "idempotent-replayed", "true");
    }
    response
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn record(shared: &Shared, incoming: &Incoming, answer: &Answer, fault: Option<Kind>) {
    shared.log().add(Entry {
        at: real_now(),
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        status: answer.status,
        request_id: answer.request_id.clone(),
        key: answer.key.as_deref().map(masked),
        idempotency_key: incoming.idempotency_key.clone(),
        replayed: answer.replay_of.is_some(),
        fault,
        message: answer.message.clone(),
    });
}

/// A body that breaks: the connection is closed before what was announced has been sent.
struct Cut;

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("cut on request"))))
    }
}
