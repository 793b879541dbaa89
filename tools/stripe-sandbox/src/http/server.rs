//! HTTP server: reads requests, applies faults, writes the log.

use std::error::Error;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Bytes;
use hyper::{Request, Response};

use super::body::Body;
use super::dispatch::handle_request;
use super::exchange::{ApiRequest, ApiResponse};
use super::faults::{Fault, FaultKind};
use super::log::LogEntry;
use super::respond::{ConnectionDropped, http_date, plain, respond, set};
use super::state::{ServerState, real_now};
use super::{admin, fault_response, page_handler};
use crate::values::errors::ApiError;

const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

pub async fn handle<B>(
    state: &Arc<ServerState>,
    request: Request<B>,
) -> Result<Response<Body>, ConnectionDropped>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let mut request = ApiRequest {
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
    if announced > MAX_BODY_BYTES as u64 {
        return Ok(too_large(state, &request));
    }
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => request.body = String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(_) => return Ok(too_large(state, &request)),
    }
    if request.is_api() {
        let state = Arc::clone(state);
        // On a separate task: the operation completes even if the client disconnects.
        let work = tokio::spawn(async move {
            let mut response = handle_api(&state, &request).await?;
            let now = state.world().target_time(real_now());
            set(response.headers_mut(), "date", &http_date(now));
            Ok(response)
        });
        work.await.unwrap_or_else(|_| {
            Ok(plain(500, "Internal error of the sandbox. Its standard error shows the panic."))
        })
    } else if request.path.starts_with("/_sandbox") {
        Ok(admin::handle(state, &request).await)
    } else {
        Ok(page_handler::handle(state, &request))
    }
}

async fn handle_api(
    state: &Arc<ServerState>,
    request: &ApiRequest,
) -> Result<Response<Body>, ConnectionDropped> {
    let fault = state.faults().take(&request.method, &request.path);
    let kind = fault.as_ref().map(|fault| fault.kind);
    let (before, after) = fault.as_ref().map(Fault::delays).unwrap_or_default();
    if let Some(fault) = fault.as_ref().filter(|fault| fault.skips_work()) {
        tokio::time::sleep(before).await;
        let api_response =
            fault_response::replacement(fault, ApiResponse::new(state.request_id(), &state.origin));
        record(state, request, &api_response, kind);
        return fault_response::response(fault, &api_response, None);
    }
    let (api_response, guard) = handle_request(state, request, before).await;
    tokio::time::sleep(after).await;
    let keyed =
        guard.key().or(api_response.replay_of.as_ref().and(request.idempotency_key.as_deref()));
    let response = match &fault {
        None => Ok(respond(&api_response, keyed)),
        Some(fault) if fault.keeps_response() => {
            fault_response::response(fault, &api_response, keyed)
        }
        Some(fault) => {
            let failure = fault_response::replacement(fault, api_response.for_same_request());
            let kept = guard.key().zip(failure.stored_response()).filter(|_| fault.stored);
            if let Some((key, stored)) = kept {
                state.idempotency().record(key, stored);
            }
            fault_response::response(fault, &failure, None)
        }
    };
    record(state, request, &api_response, kind);
    response
}

/// Responds with 413 before the request is evaluated.
fn too_large(state: &ServerState, request: &ApiRequest) -> Response<Body> {
    let mut api_response = ApiResponse::new(state.request_id(), &state.origin);
    api_response.set_error(&ApiError::with_status(
        413,
        "The request body is larger than 4 MiB or incomplete.",
    ));
    if request.is_api() {
        record(state, request, &api_response, None);
    }
    respond(&api_response, None)
}

fn record(
    state: &ServerState,
    request: &ApiRequest,
    api_response: &ApiResponse,
    fault: Option<FaultKind>,
) {
    state.log().add(LogEntry::new(real_now(), request, api_response, fault));
}
