//! The HTTP server: what all requests share, faults, headers and the log.

use std::error::Error;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Bytes;
use hyper::{Request, Response};

use super::body::Body;
use super::dispatch::answer;
use super::exchange::{Answer, Incoming};
use super::faults::{Fault, Kind};
use super::log::Entry;
use super::respond::{HangUp, plain, respond};
use super::shared::{Shared, real_now};
use super::{admin, failing, pages};
use crate::values::errors::ApiError;

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
        let answer = failing::instead(fault, Answer::new(shared.request_id(), &shared.origin));
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
    let mut answer = Answer::new(shared.request_id(), &shared.origin);
    answer.refuse(&ApiError::with_status(413, "The request body is too large, or it broke off."));
    if incoming.is_api() {
        record(shared, incoming, &answer, None);
    }
    respond(&answer, None)
}

fn record(shared: &Shared, incoming: &Incoming, answer: &Answer, fault: Option<Kind>) {
    shared.log().add(Entry::new(real_now(), incoming, answer, fault));
}
