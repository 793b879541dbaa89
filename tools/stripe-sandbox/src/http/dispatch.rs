//! One request from its bytes to its answer.

use serde_json::Value;

use super::auth::Caller;
use super::call::{Call, Endpoint};
use super::errors::{ApiError, Result};
use super::idempotency::{Claim, Outcome, fingerprint};
use super::params::Params;
use super::server::{Shared, real_now};
use super::{expand, form};
use crate::resources;
use crate::world::World;

/// The only API version that is spoken.
pub const VERSION: &str = "2026-09-30.endive";

/// A request as far as it matters here.
pub struct Incoming {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: String,
    pub authorization: Option<String>,
    pub version: Option<String>,
    pub content_type: Option<String>,
    pub idempotency_key: Option<String>,
}

/// An answer, and what is to be remembered of it once it is on its way.
pub struct Answer {
    pub status: u16,
    pub body: String,
    pub request_id: String,
    pub key: Option<String>,
    pub message: Option<String>,
    /// The key that this request holds. Until it is finished, the same key is answered with a conflict.
    pub claimed: Option<String>,
    pub replay_of: Option<String>,
}

pub fn answer(shared: &Shared, incoming: &Incoming) -> Answer {
    let mut answer = Answer {
        status: 200,
        body: String::new(),
        request_id: shared.request_id(),
        key: None,
        message: None,
        claimed: None,
        replay_of: None,
    };
    let mut started = false;
    match run(shared, incoming, &mut answer, &mut started) {
        Ok(body) => answer.body = body,
        Err(error) => {
            answer.status = error.status();
            answer.message = Some(error.message().to_owned());
            answer.body = error.to_json(&answer.request_id).to_string();
        }
    }
    if let Some(key) = answer.claimed.as_ref().filter(|_| started) {
        let outcome = Outcome {
            status: answer.status,
            body: answer.body.clone(),
            request_id: answer.request_id.clone(),
        };
        shared.idempotency().record(key, outcome);
    }
    answer
}

fn run(
    shared: &Shared,
    incoming: &Incoming,
    answer: &mut Answer,
    started: &mut bool,
) -> Result<String> {
    let caller = shared.keys().authenticate(incoming.authorization.as_deref())?;
    answer.key = Some(caller.key.clone());
    check_version(incoming)?;
    let (endpoint, ids) = resources::endpoints()
        .find_map(|endpoint| Some((endpoint, endpoint.matches(&incoming.method, &incoming.path)?)))
        .ok_or_else(|| ApiError::unknown_url(&incoming.method, &incoming.path))?;
    caller.require(&endpoint.permission())?;
    let pairs = read_pairs(incoming)?;
    let mut world = shared.world();
    world.catch_up(real_now());
    let key = incoming
        .idempotency_key
        .as_ref()
        .filter(|key| incoming.method == "POST" && !key.is_empty());
    if let Some(key) = key {
        let fingerprint = fingerprint(&incoming.method, &incoming.path, &pairs);
        match shared.idempotency().claim(key, fingerprint, world.now(None))? {
            Claim::Run => answer.claimed = Some(key.clone()),
            Claim::Replay(outcome) => {
                answer.status = outcome.status;
                answer.replay_of = Some(outcome.request_id);
                return Ok(outcome.body);
            }
        }
    }
    let result;
    (result, *started) = execute(&mut world, endpoint, ids, incoming, &pairs, &caller);
    result.map(|value| value.to_string())
}

/// Runs the endpoint; also says whether the work had begun.
fn execute(
    world: &mut World,
    endpoint: &Endpoint,
    ids: Vec<String>,
    incoming: &Incoming,
    pairs: &[(String, String)],
    caller: &Caller,
) -> (Result<Value>, bool) {
    let (params, paths) = match prepare(endpoint, pairs, caller) {
        Ok(prepared) => prepared,
        Err(error) => return (Err(error), false),
    };
    let mut call = Call { world, ids, path: incoming.path.clone(), params, started: false };
    let result = (endpoint.run)(&mut call).map(|mut value| {
        expand::apply(call.world, endpoint.shape, &paths, &mut value);
        value
    });
    (result, call.started)
}

/// The parameters, and what is to be expanded: checked now, so that a bad path changes nothing.
fn prepare(
    endpoint: &Endpoint,
    pairs: &[(String, String)],
    caller: &Caller,
) -> Result<(Params, Vec<String>)> {
    let mut params = Params::new(form::tree(pairs)?);
    let paths = params.strings("expand")?.unwrap_or_default();
    expand::check(endpoint.shape, &paths, caller)?;
    Ok((params, paths))
}

fn check_version(incoming: &Incoming) -> Result<()> {
    match incoming.version.as_deref() {
        None | Some(VERSION) => Ok(()),
        Some(other) => Err(ApiError::invalid(format!(
            "Invalid Stripe API version: {other}. stripe-sandbox only speaks {VERSION}."
        ))),
    }
}

/// Parameters come in the query string, and in the body where there can be one.
fn read_pairs(incoming: &Incoming) -> Result<Vec<(String, String)>> {
    let mut pairs = form::pairs(&incoming.query)?;
    if incoming.method != "GET" && !incoming.body.is_empty() {
        let form = "application/x-www-form-urlencoded";
        if incoming.content_type.as_deref().is_some_and(|content| !content.starts_with(form)) {
            return Err(ApiError::invalid(format!(
                "Invalid request (check that your POST content type is {form}). If you have any questions, we can help at https://support.stripe.com/."
            )));
        }
        pairs.extend(form::pairs(&incoming.body)?);
    }
    Ok(pairs)
}
