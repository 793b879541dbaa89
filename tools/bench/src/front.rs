//! What stands in front of moto: it counts the calls, makes them late on demand, and repeats what moto
//! has said to the same reading before.
//!
//! moto takes some milliseconds of Python for what `DynamoDB` and Secrets Manager do in one or two. Without
//! this, most of a cold start here would be moto's, ours and the peer's alike.

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

/// Calls that only read.
const READS: [&str; 2] = ["DynamoDB_20120810.GetItem", "secretsmanager.GetSecretValue"];

/// Calls that write one item, and where in them its key is.
const WRITES: [(&str, &str); 3] = [
    ("DynamoDB_20120810.PutItem", "Item"),
    ("DynamoDB_20120810.UpdateItem", "Key"),
    ("DynamoDB_20120810.DeleteItem", "Key"),
];

/// A call of AWS.
#[derive(Clone, Debug)]
pub struct Call {
    pub began: Instant,
    pub ended: Instant,
}

/// What stands in front of moto.
#[derive(Clone)]
pub struct Front {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    delay: AtomicU64,
    repeats: AtomicBool,
    kept: Mutex<Kept>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Default)]
struct Kept {
    /// Writes so far. What was read while one was made is not kept.
    writes: u64,
    answers: HashMap<(String, Vec<u8>), Read>,
}

/// What was read, and of which item.
struct Read {
    item: Option<String>,
    answer: Answer,
}

impl Kept {
    /// Forgets what a call may have changed: one item, or anything.
    fn written(&mut self, target: &str, body: &Bytes) {
        self.writes += 1;
        let member = WRITES.iter().find(|(write, _)| *write == target).map(|(_, member)| *member);
        match member.and_then(|member| item(body, member)) {
            Some(item) => self.answers.retain(|_, read| read.item.as_ref() != Some(&item)),
            None => self.answers.clear(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Front {
    /// Starts it on a free port, in front of `upstream`.
    pub async fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::system("a port"))?;
        let address = listener.local_addr().map_err(Error::system("a port"))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            delay: AtomicU64::new(0),
            repeats: AtomicBool::new(true),
            kept: Mutex::default(),
            calls: Mutex::default(),
        });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&inner));
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        Handle::current().spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url: format!("http://{address}"), inner })
    }

    /// From now on every answer is so late.
    pub fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.inner.delay.store(millis, Ordering::Relaxed);
    }

    /// Whether moto's own answer is given again to the same reading.
    pub fn repeats(&self, repeats: bool) {
        self.inner.repeats.store(repeats, Ordering::Relaxed);
    }

    /// The calls since the last look.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *locked(&self.inner.calls))
    }
}

/// How long at least one of the calls was under way.
pub fn time_of(calls: &[Call]) -> Duration {
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
    let Ok(body) = body.collect().await else { return failed() };
    let body = body.to_bytes();
    let answer = answer(&inner, &target, head, body).await;
    let delay = inner.delay.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    locked(&inner.calls).push(Call { began, ended: Instant::now() });
    let Some((status, headers, body)) = answer else { return failed() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

type Answer = (StatusCode, HeaderMap, Bytes);

async fn answer(
    inner: &Inner,
    target: &str,
    head: axum::http::request::Parts,
    body: Bytes,
) -> Option<Answer> {
    let is_read = READS.contains(&target);
    let place = (target.to_owned(), canonical(&body));
    let writes = {
        let mut kept = locked(&inner.kept);
        if !is_read {
            kept.written(target, &body);
        } else if let Some(read) = kept.answers.get(&place)
            && inner.repeats.load(Ordering::Relaxed)
        {
            return Some(read.answer.clone());
        }
        kept.writes
    };
    let answer = ask(inner, head, body.clone()).await?;
    let mut kept = locked(&inner.kept);
    if !is_read {
        kept.written(target, &body);
    } else if kept.writes == writes && answer.0 == StatusCode::OK {
        let read = Read { item: item(&body, "Key"), answer: answer.clone() };
        kept.answers.insert(place, read);
    }
    Some(answer)
}

/// The table and the key of the item that a call is about.
fn item(body: &Bytes, member: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let part = |name: &str| body.get(member)?.get(name)?.get("S")?.as_str();
    Some(format!("{} {} {}", body.get("TableName")?.as_str()?, part("pk")?, part("sk")?))
}

/// A map is written in any order, and means the same.
fn canonical(body: &Bytes) -> Vec<u8> {
    let json = serde_json::from_slice::<Value>(body);
    json.map_or_else(|_| body.to_vec(), |value| value.to_string().into_bytes())
}

async fn ask(inner: &Inner, head: axum::http::request::Parts, body: Bytes) -> Option<Answer> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request =
        Request::builder().method(head.method).uri(format!("{}{path}", inner.upstream));
    let passed = |name: &header::HeaderName| {
        ![header::HOST, header::CONTENT_LENGTH, header::CONNECTION].contains(name)
    };
    for (name, value) in head.headers.iter().filter(|(name, _)| passed(name)) {
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

fn failed() -> Response<Body> {
    let mut response = Response::new(Body::from("moto does not answer"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_at_the_same_time_count_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let call = |from, to| Call { began: at(from), ended: at(to) };
        let calls = [call(20, 30), call(0, 10), call(5, 12), call(6, 7)];
        assert_eq!(time_of(&calls), Duration::from_millis(22));
        assert_eq!(time_of(&[]), Duration::ZERO);
    }

    #[test]
    fn the_order_of_a_map_does_not_matter() {
        let a = canonical(&Bytes::from(r#"{"a":1,"b":{"c":2,"d":3}}"#));
        assert_eq!(a, canonical(&Bytes::from(r#"{"b":{"d":3,"c":2},"a":1}"#)));
        assert_ne!(a, canonical(&Bytes::from(r#"{"b":{"d":3,"c":2},"a":2}"#)));
    }

    #[tokio::test]
    async fn a_reading_is_repeated_until_something_is_written() {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let moto = Router::new().fallback(move || {
            let count = Arc::clone(&count);
            async move { count.fetch_add(1, Ordering::Relaxed).to_string() }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, moto).await });
        let front = Front::start(&url).await.expect("a port");
        let ask = async |target: &str, body: &str| {
            let headers = [("x-amz-target", target)];
            let limit = Duration::from_secs(5);
            devstack::http::send("POST", &front.url, &headers, body, limit).await.expect("it").body
        };
        let [get, put] = ["DynamoDB_20120810.GetItem", "DynamoDB_20120810.PutItem"];
        let of = |member: &str, pk: &str| {
            json!({ "TableName": "t", member: { "pk": { "S": pk }, "sk": { "S": "s" } } })
                .to_string()
        };
        let (one, other) = (of("Key", "one"), of("Key", "other"));
        let mut got = Vec::new();
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
            got.push(ask(target, body).await);
        }
        assert_eq!(got, ["0", "0", "1", "2", "3", "3", "1", "4", "5"]);
        front.repeats(false);
        assert_eq!(ask(get, &other).await, "6");
        assert_eq!(front.take_calls().len(), 10);
        assert!(front.take_calls().is_empty());
    }
}
