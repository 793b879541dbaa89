//! Handling of an API request: checks, locks, idempotency and the operation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::auth::Caller;
use super::exchange::{ApiRequest, ApiResponse};
use super::idempotency::{Claim, fingerprint};
use super::state::{ServerState, real_now};
use super::{expand, locks};
use crate::config::API_VERSION;
use crate::endpoint::call::{Call, Endpoint};
use crate::endpoint::form;
use crate::endpoint::params::Params;
use crate::model::event::Cause;
use crate::resources;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

/// Locks and idempotency key of a request, held until its response is sent.
pub struct RequestGuard {
    state: Arc<ServerState>,
    objects: Option<locks::LockGuard>,
    key: Option<String>,
}

impl RequestGuard {
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.state.idempotency().finish(key);
        }
        drop(self.objects.take());
    }
}

/// Request that passed the checks.
struct Job {
    endpoint: &'static Endpoint,
    ids: Vec<String>,
    pairs: Vec<(String, String)>,
    caller: Caller,
}

enum Prepared {
    Run(Job),
    Replay(String),
}

/// Handles the request, with a pause before the operation.
pub async fn handle_request(
    state: &Arc<ServerState>,
    request: &ApiRequest,
    pause: Duration,
) -> (ApiResponse, RequestGuard) {
    let mut response = ApiResponse::new(state.request_id(), &state.origin);
    let mut guard = RequestGuard { state: Arc::clone(state), objects: None, key: None };
    let prepared = prepare(request, &mut response, &mut guard).await;
    tokio::time::sleep(pause).await;
    let (result, started) = match prepared {
        Ok(Prepared::Run(job)) => {
            let cause = Cause {
                request: Some(response.request_id.clone()),
                idempotency_key: guard.key.clone(),
            };
            job.run(state, request, cause)
        }
        Ok(Prepared::Replay(body)) => (Ok(body), false),
        Err(error) => (Err(error), false),
    };
    match result {
        Ok(body) => response.body = body,
        Err(error) => response.set_error(&error),
    }
    if response.status == 429 {
        response.should_retry = state.limiter().limits.should_retry;
    }
    if let (true, Some(key), Some(stored)) = (started, guard.key(), response.stored_response()) {
        state.idempotency().record(key, stored);
    }
    (response, guard)
}

/// Runs all checks before the operation, in Stripe's order.
async fn prepare(
    request: &ApiRequest,
    response: &mut ApiResponse,
    guard: &mut RequestGuard,
) -> Result<Prepared> {
    let state = Arc::clone(&guard.state);
    let job = authorize(&state, request, response)?;
    if let Some(body) = claim(&state, request, &job, response, guard)? {
        return Ok(Prepared::Replay(body));
    }
    let objects = locks::objects_to_lock(&state.world(), job.endpoint, &job.ids, &job.pairs);
    guard.objects = Some(state.locks.acquire(objects, state.lock_timeout).await?);
    Ok(Prepared::Run(job))
}

fn authorize(state: &ServerState, request: &ApiRequest, response: &mut ApiResponse) -> Result<Job> {
    let caller = state.keys().authenticate(request.authorization.as_deref())?;
    response.key = Some(caller.key.clone());
    check_headers(request)?;
    let (endpoint, ids) = resources::endpoints()
        .find_map(|endpoint| Some((endpoint, endpoint.matches(&request.method, &request.path)?)))
        .ok_or_else(|| ApiError::unknown_url(&request.method, &request.path))?;
    state.limiter().admit(endpoint, Instant::now())?;
    caller.require(&endpoint.permission())?;
    let pairs = read_pairs(request)?;
    Ok(Job { endpoint, ids, pairs, caller })
}

/// Claims the idempotency key, if there is one. Returns the stored body for a replay.
fn claim(
    state: &ServerState,
    request: &ApiRequest,
    job: &Job,
    response: &mut ApiResponse,
    guard: &mut RequestGuard,
) -> Result<Option<String>> {
    let key = request.idempotency_key.as_ref();
    let Some(key) = key.filter(|key| request.method == "POST" && !key.is_empty()) else {
        return Ok(None);
    };
    let now = {
        let mut world = state.world();
        world.catch_up(real_now());
        world.now(None)
    };
    let fingerprint = fingerprint(&request.method, &request.path, &job.pairs);
    match state.idempotency().claim(key, fingerprint, now)? {
        Claim::Run => {
            guard.key = Some(key.clone());
            Ok(None)
        }
        Claim::Replay(stored) => {
            response.status = stored.status;
            response.replay_of = Some(stored.request_id);
            Ok(Some(stored.body))
        }
    }
}

impl Job {
    /// Runs the operation. The flag says whether it had begun.
    fn run(
        self,
        state: &ServerState,
        request: &ApiRequest,
        cause: Cause,
    ) -> (Result<String>, bool) {
        let mut world = state.world();
        world.catch_up(real_now());
        let (result, started) = self.execute(&mut world, request);
        world.commit(cause);
        (result.map(|value| value.to_string()), started)
    }

    fn execute(self, world: &mut World, request: &ApiRequest) -> (Result<Value>, bool) {
        let (params, paths) = match self.prepare() {
            Ok(prepared) => prepared,
            Err(error) => return (Err(error), false),
        };
        let Job { endpoint, ids, .. } = self;
        let mut call = Call { world, ids, path: request.path.clone(), params, started: false };
        let result = (endpoint.run)(&mut call).map(|mut value| {
            expand::apply(call.world, endpoint.shape, &paths, &mut value);
            value
        });
        (result, call.started)
    }

    /// Reads the parameters and checks the `expand` paths, so that an invalid path changes nothing.
    fn prepare(&self) -> Result<(Params, Vec<String>)> {
        let mut params = Params::new(form::tree(&self.pairs)?);
        let paths = params.strings("expand")?.unwrap_or_default();
        expand::check(self.endpoint.shape, &paths, &self.caller)?;
        Ok((params, paths))
    }
}

fn check_headers(request: &ApiRequest) -> Result<()> {
    if let Some(other) = request.version.as_deref().filter(|version| *version != API_VERSION) {
        return Err(ApiError::invalid(format!(
            "Invalid Stripe API version: {other}. stripe-sandbox supports only {API_VERSION}."
        )));
    }
    if request.account.is_some() {
        return Err(ApiError::invalid(
            "stripe-sandbox has one account and does not imitate Connect: send neither Stripe-Account nor Stripe-Context.",
        )
        .code("sandbox_not_imitated"));
    }
    Ok(())
}

/// Returns the parameters of the query string and of the body.
fn read_pairs(request: &ApiRequest) -> Result<Vec<(String, String)>> {
    let mut pairs = form::pairs(&request.query)?;
    if request.method != "GET" && !request.body.is_empty() {
        let form = "application/x-www-form-urlencoded";
        if request.content_type.as_deref().is_some_and(|content| !content.starts_with(form)) {
            return Err(ApiError::invalid(format!(
                "Invalid request (check that your POST content type is {form}). If you have any questions, we can help at https://support.stripe.com/."
            )));
        }
        pairs.extend(form::pairs(&request.body)?);
    }
    Ok(pairs)
}
