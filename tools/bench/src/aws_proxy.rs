//! Proxy in front of the AWS emulator: counts calls, delays responses on demand, and caches reads.
//!
//! moto takes several milliseconds for calls that take Secrets Manager one or two. Without the cache, moto would dominate
//! the measured cold starts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::error::{Error, Result};

/// Calls that read.
const READS: [&str; 2] = ["DynamoDB_20120810.GetItem", "secretsmanager.GetSecretValue"];

/// Calls that write one item, and the member of the request that has its key.
const WRITES: [(&str, &str); 3] = [
    ("DynamoDB_20120810.PutItem", "Item"),
    ("DynamoDB_20120810.UpdateItem", "Key"),
    ("DynamoDB_20120810.DeleteItem", "Key"),
];

/// Call of AWS.
#[derive(Clone, Debug)]
pub struct Call {
    pub began: Instant,
    pub ended: Instant,
}

/// Running proxy.
#[derive(Clone)]
pub struct AwsProxy {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    delay_ms: AtomicU64,
    caches: AtomicBool,
    cache: Mutex<Cache>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Default)]
struct Cache {
    /// Number of writes so far. A read that overlaps a write is not cached.
    writes: u64,
    reads: HashMap<(String, Vec<u8>), Read>,
}

/// Cached read, and the item that it read.
struct Read {
    item: Option<String>,
    response: UpstreamResponse,
}

impl Cache {
    /// Drops the reads that a write affects: those of one item, or all.
    fn invalidate(&mut self, target: &str, body: &Bytes) {
        self.writes += 1;
        let member = WRITES.iter().find(|(write, _)| *write == target).map(|(_, member)| *member);
        match member.and_then(|member| item(body, member)) {
            Some(item) => self.reads.retain(|_, read| read.item.as_ref() != Some(&item)),
            None => self.reads.clear(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AwsProxy {
    /// Starts the proxy on a free port, in front of `upstream`.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::system("a port"))?;
        let address = listener.local_addr().map_err(Error::system("a port"))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            delay_ms: AtomicU64::new(0),
            caches: AtomicBool::new(true),
            cache: Mutex::default(),
            calls: Mutex::default(),
        });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&inner));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        Handle::current().spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url: format!("http://{address}"), inner })
    }

    /// Sets the delay of every response.
    pub fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.inner.delay_ms.store(millis, Ordering::Relaxed);
    }

    /// Turns the cache on or off.
    pub fn set_cache(&self, is_on: bool) {
        self.inner.caches.store(is_on, Ordering::Relaxed);
    }

    /// Returns the calls since the last time.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *locked(&self.inner.calls))
    }
}

/// Returns how long at least one of the calls was in progress.
pub fn busy_time(calls: &[Call]) -> Duration {
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| call.began);
    let (mut sum, mut seen) = (Duration::ZERO, None::<Instant>);
    for call in calls {
        let from = seen.map_or(call.began, |seen| seen.max(call.began));
        sum += call.ended.saturating_duration_since(from);
        seen = Some(seen.map_or(call.ended, |seen| seen.max(call.ended)));
    }
    sum
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request<Body>) -> Response<Body> {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let target = target.unwrap_or_default().to_owned();
    let Ok(body) = body.collect().await else { return bad_gateway() };
    let body = body.to_bytes();
    let response = respond(&inner, &target, head, body).await;
    let delay = inner.delay_ms.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    locked(&inner.calls).push(Call { began, ended: Instant::now() });
    let Some((status, headers, body)) = response else { return bad_gateway() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

type UpstreamResponse = (StatusCode, HeaderMap, Bytes);

async fn respond(
    inner: &Inner,
    target: &str,
    head: axum::http::request::Parts,
    body: Bytes,
) -> Option<UpstreamResponse> {
    let is_read = READS.contains(&target);
    let key = (target.to_owned(), canonical(&body));
    let writes = {
        let mut cache = locked(&inner.cache);
        if !is_read {
            cache.invalidate(target, &body);
        } else if let Some(read) = cache.reads.get(&key)
            && inner.caches.load(Ordering::Relaxed)
        {
            return Some(read.response.clone());
        }
        cache.writes
    };
    let response = forward(inner, head, body.clone()).await?;
    let mut cache = locked(&inner.cache);
    if !is_read {
        cache.invalidate(target, &body);
    } else if cache.writes == writes && response.0 == StatusCode::OK {
        let read = Read { item: item(&body, "Key"), response: response.clone() };
        cache.reads.insert(key, read);
    }
    Some(response)
}

/// Returns the table and the key of a call's item.
fn item(body: &Bytes, member: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let part = |name: &str| body.get(member)?.get(name)?.get("S")?.as_str();
    Some(format!("{} {} {}", body.get("TableName")?.as_str()?, part("pk")?, part("sk")?))
}

/// Returns the JSON in a canonical form, because the order of a map's entries varies.
fn canonical(body: &Bytes) -> Vec<u8> {
    let json = serde_json::from_slice::<Value>(body);
    json.map_or_else(|_| body.to_vec(), |value| value.to_string().into_bytes())
}

async fn forward(
    inner: &Inner,
    head: axum::http::request::Parts,
    body: Bytes,
) -> Option<UpstreamResponse> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request =
        Request::builder().method(head.method).uri(format!("{}{path}", inner.upstream));
    let is_forwarded = |name: &header::HeaderName| {
        ![header::HOST, header::CONTENT_LENGTH, header::CONNECTION].contains(name)
    };
    for (name, value) in head.headers.iter().filter(|(name, _)| is_forwarded(name)) {
        request = request.header(name, value);
    }
    let response = inner.client.request(request.body(Full::new(body)).ok()?).await.ok()?;
    let (head, body) = response.into_parts();
    let mut headers = head.headers;
    for name in [header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    Some((head.status, headers, body.collect().await.ok()?.to_bytes()))
}

fn bad_gateway() -> Response<Body> {
    let mut response = Response::new(Body::from("the AWS emulator does not respond"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn busy_time_counts_concurrent_calls_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let call = |from, to| Call { began: at(from), ended: at(to) };
        let calls = [call(20, 30), call(0, 10), call(5, 12), call(6, 7)];
        assert_eq!(busy_time(&calls), Duration::from_millis(22));
        assert_eq!(busy_time(&[]), Duration::ZERO);
    }

    #[test]
    fn canonical_form_ignores_the_order_of_a_map() {
        let a = canonical(&Bytes::from(r#"{"a":1,"b":{"c":2,"d":3}}"#));
        assert_eq!(a, canonical(&Bytes::from(r#"{"b":{"d":3,"c":2},"a":1}"#)));
        assert_ne!(a, canonical(&Bytes::from(r#"{"b":{"d":3,"c":2},"a":2}"#)));
    }

    #[tokio::test]
    async fn read_is_cached_until_its_item_is_written() {
        let count = Arc::new(AtomicU64::new(0));
        let emulator = Router::new().fallback(move || {
            let count = Arc::clone(&count);
            async move { count.fetch_add(1, Ordering::Relaxed).to_string() }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, emulator).await });
        let proxy = AwsProxy::start(&url).await.expect("a port");
        let call = async |target: &str, body: &str| {
            let headers = [("x-amz-target", target)];
            let limit = Duration::from_secs(5);
            let response = devstack::http::send("POST", &proxy.url, &headers, body, limit).await;
            response.expect("a response").body
        };
        let [get, put] = ["DynamoDB_20120810.GetItem", "DynamoDB_20120810.PutItem"];
        let of = |member: &str, pk: &str| {
            json!({ "TableName": "t", member: { "pk": { "S": pk }, "sk": { "S": "s" } } })
                .to_string()
        };
        let (one, other) = (of("Key", "one"), of("Key", "other"));
        let mut bodies = Vec::new();
        for (target, body) in [
            (get, &one),
            (get, &one),
            (get, &other),
            (put, &of("Item", "one")),
            (get, &one),
            (get, &one),
            (get, &other),
            ("secretsmanager.PutSecretValue", &one),
            (get, &other),
        ] {
            bodies.push(call(target, body).await);
        }
        assert_eq!(bodies, ["0", "0", "1", "2", "3", "3", "1", "4", "5"]);
        proxy.set_cache(false);
        assert_eq!(call(get, &other).await, "6");
        assert_eq!(proxy.take_calls().len(), 10);
        assert!(proxy.take_calls().is_empty());
    }
}
