//! One request from its bytes to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::auth::Caller;
use super::call::{Call, Endpoint};
use super::errors::{ApiError, Result};
use super::idempotency::{Claim, Outcome, fingerprint};
use super::params::Params;
use super::shared::{Shared, real_now};
use super::{expand, form, locks};
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
    /// Another account to act for.
    pub account: Option<String>,
    pub content_type: Option<String>,
    pub idempotency_key: Option<String>,
}

impl Incoming {
    pub fn is_api(&self) -> bool {
        self.path == "/v1" || self.path.starts_with("/v1/")
    }
}

pub struct Answer {
    pub status: u16,
    pub body: String,
    pub request_id: String,
    /// Where it can be looked at.
    log_url: String,
    pub key: Option<String>,
    pub message: Option<String>,
    /// The request whose outcome is given again.
    pub replay_of: Option<String>,
    pub should_retry: Option<bool>,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer {
            status: 200,
            body: String::new(),
            request_id: String::new(),
            log_url: String::new(),
            key: None,
            message: None,
            replay_of: None,
            should_retry: None,
        }
    }
}

impl Answer {
    pub fn new(shared: &Shared) -> Answer {
        let request_id = shared.request_id();
        Answer {
            log_url: format!("{}/requests/{request_id}", shared.origin),
            request_id,
            ..Answer::default()
        }
    }

    /// The same request answered anew.
    pub fn anew(&self) -> Answer {
        Answer {
            request_id: self.request_id.clone(),
            log_url: self.log_url.clone(),
            key: self.key.clone(),
            ..Answer::default()
        }
    }

    pub fn refuse(&mut self, error: &ApiError) {
        self.status = error.status();
        self.message = Some(error.message().to_owned());
        self.body = error.to_json(&self.log_url).to_string();
    }

    /// What of it belongs to an idempotency key: nothing that a repetition could still change.
    pub fn outcome(&self) -> Option<Outcome> {
        let lasting = !matches!(self.status, 409 | 429);
        lasting.then(|| Outcome {
            status: self.status,
            body: self.body.clone(),
            request_id: self.request_id.clone(),
        })
    }
}

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
    let mut answer = Answer::new(shared);
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
