//! One request from its bytes to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::auth::Caller;
use super::exchange::{Answer, Incoming, VERSION};
use super::idempotency::{Claim, fingerprint};
use super::shared::{Shared, real_now};
use super::{expand, locks};
use crate::endpoint::call::{Call, Endpoint};
use crate::endpoint::form;
use crate::endpoint::params::Params;
use crate::resources;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

/// What a request holds until its answer is out: the objects that it changes, and its key, which is
/// answered with a conflict as long.
pub struct Held {
    shared: Arc<Shared>,
    objects: Option<locks::Held>,
    key: Option<String>,
}

impl Held {
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.shared.idempotency().finish(key);
        }
        drop(self.objects.take());
    }
}

/// A request that may go ahead.
struct Job {
    endpoint: &'static Endpoint,
    ids: Vec<String>,
    pairs: Vec<(String, String)>,
    caller: Caller,
}

enum Ready {
    Run(Job),
    Replay(String),
}

/// Answers, with a pause right before the work.
pub async fn answer(shared: &Arc<Shared>, incoming: &Incoming, pause: Duration) -> (Answer, Held) {
    let mut answer = Answer::new(shared.request_id(), &shared.origin);
    let mut held = Held { shared: Arc::clone(shared), objects: None, key: None };
    let ready = ready(incoming, &mut answer, &mut held).await;
    tokio::time::sleep(pause).await;
    let (result, started) = match ready {
        Ok(Ready::Run(job)) => job.run(shared, incoming),
        Ok(Ready::Replay(body)) => (Ok(body), false),
        Err(error) => (Err(error), false),
    };
    match result {
        Ok(body) => answer.body = body,
        Err(error) => answer.refuse(&error),
    }
    if answer.status == 429 {
        answer.should_retry = shared.limiter().limits.should_retry;
    }
    if let (true, Some(key), Some(outcome)) = (started, held.key(), answer.outcome()) {
        shared.idempotency().record(key, outcome);
    }
    (answer, held)
}

/// Everything up to the work, in the order in which Stripe refuses.
async fn ready(incoming: &Incoming, answer: &mut Answer, held: &mut Held) -> Result<Ready> {
    let shared = Arc::clone(&held.shared);
    let job = admit(&shared, incoming, answer)?;
    if let Some(body) = claim(&shared, incoming, &job, answer, held)? {
        return Ok(Ready::Replay(body));
    }
    let objects = locks::objects(&shared.world(), job.endpoint, &job.ids, &job.pairs);
    held.objects = Some(shared.locks.hold(objects, shared.lock_patience).await?);
    Ok(Ready::Run(job))
}

fn admit(shared: &Shared, incoming: &Incoming, answer: &mut Answer) -> Result<Job> {
    let caller = shared.keys().authenticate(incoming.authorization.as_deref())?;
    answer.key = Some(caller.key.clone());
    check_headers(incoming)?;
    let (endpoint, ids) = resources::endpoints()
        .find_map(|endpoint| Some((endpoint, endpoint.matches(&incoming.method, &incoming.path)?)))
        .ok_or_else(|| ApiError::unknown_url(&incoming.method, &incoming.path))?;
    shared.limiter().admit(endpoint, Instant::now())?;
    caller.require(&endpoint.permission())?;
    let pairs = read_pairs(incoming)?;
    Ok(Job { endpoint, ids, pairs, caller })
}

/// Takes the request's key, if it has one. If that was used before: the outcome of then.
fn claim(
    shared: &Shared,
    incoming: &Incoming,
    job: &Job,
    answer: &mut Answer,
    held: &mut Held,
) -> Result<Option<String>> {
    let key = incoming.idempotency_key.as_ref();
    let Some(key) = key.filter(|key| incoming.method == "POST" && !key.is_empty()) else {
        return Ok(None);
    };
    let now = {
        let mut world = shared.world();
        world.catch_up(real_now());
        world.now(None)
    };
    let fingerprint = fingerprint(&incoming.method, &incoming.path, &job.pairs);
    match shared.idempotency().claim(key, fingerprint, now)? {
        Claim::Run => {
            held.key = Some(key.clone());
            Ok(None)
        }
        Claim::Replay(outcome) => {
            answer.status = outcome.status;
            answer.replay_of = Some(outcome.request_id);
            Ok(Some(outcome.body))
        }
    }
}

impl Job {
    /// Does the work; also says whether it had begun when it failed.
    fn run(self, shared: &Shared, incoming: &Incoming) -> (Result<String>, bool) {
        let mut world = shared.world();
        world.catch_up(real_now());
        let (result, started) = self.execute(&mut world, incoming);
        (result.map(|value| value.to_string()), started)
    }

    fn execute(self, world: &mut World, incoming: &Incoming) -> (Result<Value>, bool) {
        let (params, paths) = match self.prepare() {
            Ok(prepared) => prepared,
            Err(error) => return (Err(error), false),
        };
        let Job { endpoint, ids, .. } = self;
        let mut call = Call { world, ids, path: incoming.path.clone(), params, started: false };
        let result = (endpoint.run)(&mut call).map(|mut value| {
            expand::apply(call.world, endpoint.shape, &paths, &mut value);
            value
        });
        (result, call.started)
    }

    /// The parameters, and what is to be expanded: checked now, so that a bad path changes nothing.
    fn prepare(&self) -> Result<(Params, Vec<String>)> {
        let mut params = Params::new(form::tree(&self.pairs)?);
        let paths = params.strings("expand")?.unwrap_or_default();
        expand::check(self.endpoint.shape, &paths, &self.caller)?;
        Ok((params, paths))
    }
}

fn check_headers(incoming: &Incoming) -> Result<()> {
    if let Some(other) = incoming.version.as_deref().filter(|version| *version != VERSION) {
        return Err(ApiError::invalid(format!(
            "Invalid Stripe API version: {other}. stripe-sandbox only speaks {VERSION}."
        )));
    }
    if incoming.account.is_some() {
        return Err(ApiError::invalid(
            "stripe-sandbox has one account and does not imitate Connect: send neither Stripe-Account nor Stripe-Context.",
        )
        .code("sandbox_not_imitated"));
    }
    Ok(())
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
