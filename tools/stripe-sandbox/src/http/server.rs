//! The HTTP server: what all requests share, faults, headers and the log.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::body::{Body, whole};
use super::dispatch::{Answer, Incoming, VERSION, answer};
use super::errors::ApiError;
use super::faults::{Fault, Kind};
use super::log::Entry;
use super::shared::{Shared, real_now};
use super::{admin, failing, pages};

/// There is no answer: the connection just ends.
#[derive(Debug)]
pub struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on request")
    }
}

impl Error for HangUp {}

/// Marks an answer after which the connection ends.
#[derive(Clone)]
pub struct LastOfConnection;

const LARGEST_BODY: usize = 4 * 1024 * 1024;

pub async fn handle<B>(shared: &Arc<Shared>, request: Request<B>) -> Result<Response<Body>, HangUp>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let mut incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::new(),
        authorization: header("authorization"),
        version: header("stripe-version"),
        account: header("stripe-account").or_else(|| header("stripe-context")),
        content_type: header("content-type"),
        idempotency_key: header("idempotency-key"),
    };
    let announced = body.size_hint().lower();
    if announced > LARGEST_BODY as u64 {
        return Ok(too_large(shared, &incoming));
    }
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => incoming.body = String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(_) => return Ok(too_large(shared, &incoming)),
    }
    if incoming.is_api() {
        let shared = Arc::clone(shared);
        // On a task of its own: whoever hangs up does not take back what was asked for.
        let work = tokio::spawn(async move { stripe(&shared, &incoming).await });
        work.await.unwrap_or_else(|_| Ok(plain(500, "The sandbox has failed; its log says where.")))
    } else if incoming.path.starts_with("/_sandbox") {
        Ok(admin::handle(shared, &incoming).await)
    } else {
        Ok(pages::handle(shared, &incoming))
    }
}

async fn stripe(shared: &Arc<Shared>, incoming: &Incoming) -> Result<Response<Body>, HangUp> {
    let fault = shared.faults().take(&incoming.method, &incoming.path);
    let kind = fault.as_ref().map(|fault| fault.kind);
    let (before, after) = fault.as_ref().map(Fault::delays).unwrap_or_default();
    if let Some(fault) = fault.as_ref().filter(|fault| fault.replaces_work()) {
        tokio::time::sleep(before).await;
        let answer = failing::instead(fault, Answer::new(shared));
        record(shared, incoming, &answer, kind);
        return failing::response(fault, &answer, None);
    }
    let (answer, held) = answer(shared, incoming, before).await;
    tokio::time::sleep(after).await;
    let keyed = held.key().or(answer.replay_of.as_ref().and(incoming.idempotency_key.as_deref()));
    let response = match &fault {
        None => Ok(respond(&answer, keyed)),
        Some(fault) if fault.is_gentle() => failing::response(fault, &answer, keyed),
        Some(fault) => {
            let failure = failing::instead(fault, answer.anew());
            let kept = held.key().zip(failure.outcome()).filter(|_| fault.stored);
            if let Some((key, outcome)) = kept {
                shared.idempotency().record(key, outcome);
            }
            failing::response(fault, &failure, None)
        }
    };
    record(shared, incoming, &answer, kind);
    response
}

/// The same for all paths: nothing of the request has been looked at.
fn too_large(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let mut answer = Answer::new(shared);
    answer.refuse(&ApiError::with_status(413, "The request body is too large, or it broke off."));
    if incoming.is_api() {
        record(shared, incoming, &answer, None);
    }
    respond(&answer, None)
}

pub fn respond(answer: &Answer, idempotency_key: Option<&str>) -> Response<Body> {
    let mut response = Response::new(whole(answer.body.clone()));
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
    if let Some(retry) = answer.should_retry {
        set(headers, "stripe-should-retry", &retry.to_string());
    }
    response
}

pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn record(shared: &Shared, incoming: &Incoming, answer: &Answer, fault: Option<Kind>) {
    shared.log().add(Entry::new(real_now(), incoming, answer, fault));
}
