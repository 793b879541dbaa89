//! Logs: one JSON object per line on standard error. Lambda reads it, and standard output with the metrics.
//!
//! A request writes one line when its outcome is known, and a POST or DELETE an audit line too. They contain IDs,
//! but no key and no body. `docs/audit.md` describes the fields.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::access::Caller;
use crate::api::error::ApiError;
use crate::api::event::Incoming;
use crate::api::reply::Reply;
use crate::api::timing::Timings;
use crate::stripe::{CallLog, Source, StripeError};

/// Starts logging. `AWS_LAMBDA_LOG_LEVEL` sets the level of this crate, `info` by default.
///
/// Libraries stay at `warn`: at finer levels they log whole requests, keys included. Audit lines are
/// written at every level.
pub(super) fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("shared", level.unwrap_or(LevelFilter::INFO))
        .with_target("audit", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // Fails only if logging has started before.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}

/// Returns whether the text has the form of our fields' names. The name of an unknown field is the caller's, and could be
/// anything, a key included.
fn is_name(text: &str) -> bool {
    text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// The log lines of one request.
pub(super) struct LogLine {
    request_id: String,
    method: String,
    path: String,
    caller: Option<Caller>,
}

impl LogLine {
    pub(super) fn new(incoming: &Incoming) -> Self {
        Self {
            request_id: incoming.request_id.clone(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            caller: None,
        }
    }

    pub(super) fn set_caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// Writes the lines. `key_hash` is the hash of the idempotency key.
    pub(super) fn write(
        &self,
        outcome: &Result<Reply, ApiError>,
        timings: &Timings,
        stripe: &CallLog,
        key_hash: Option<&String>,
    ) {
        let Self { request_id, method, path, caller } = self;
        let account = caller.as_ref().map_or("-", |caller| &caller.account.id);
        let key_id = caller.as_ref().map_or("-", |caller| &caller.key_id);
        let (duration_ms, stripe_calls) = (timings.total_ms(), stripe.attempts());
        let stripe_request_ids = Some(stripe.request_ids()).filter(|ids| !ids.is_empty());
        let stripe_request_ids = stripe_request_ids.as_deref().unwrap_or("-");
        let found = Outcome::of(outcome);
        let Outcome { status, word, code, replayed } = &found;
        let source = outcome.as_ref().ok().and_then(|reply| reply.source);
        let cache = source.map_or("-", Source::cache_status);
        let cause = outcome.as_ref().err().and_then(ApiError::cause);
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        // tracing needs the level as a constant.
        macro_rules! line {
            ($level:ident, $text:literal $(, $more:ident)*) => {
                tracing::$level!(
                    request_id, method, path, status, $($more,)* account, key_id, duration_ms,
                    stripe_calls, stripe_request_ids, replayed, $text
                )
            };
        }
        match *word {
            "done" => {
                let outage = outcome.as_ref().ok().and_then(|reply| reply.outage.as_ref());
                if let Some((code, cause)) = outage {
                    line!(warn, "answered from the last known state", cache, code, cause);
                } else {
                    line!(info, "answered", cache);
                }
            }
            "refused" => {
                let details = outcome.as_ref().err().map(ApiError::details).unwrap_or_default();
                let field = details["field"].as_str().filter(|name| is_name(name)).unwrap_or("-");
                let decline_code = details["declineCode"].as_str().unwrap_or("-");
                line!(info, "refused", code, field, decline_code, cause);
            }
            _ => {
                let failed = outcome.as_ref().err().and_then(ApiError::stripe);
                let view = failed.and_then(StripeError::view);
                let stripe_request_id = failed.and_then(StripeError::request_id).unwrap_or("-");
                let stripe_type = view.map_or("-", |view| &view.kind);
                let stripe_code = view.and_then(|view| view.code.as_deref()).unwrap_or("-");
                let stripe_param = view.and_then(|view| view.param.as_deref()).unwrap_or("-");
                line!(
                    error,
                    "failed",
                    code,
                    cause,
                    stripe_request_id,
                    stripe_type,
                    stripe_code,
                    stripe_param
                );
            }
        }
        if matches!(method.as_str(), "POST" | "DELETE") {
            self.write_audit(&found, stripe, key_hash);
        }
    }

    fn write_audit(&self, outcome: &Outcome, stripe: &CallLog, key_hash: Option<&String>) {
        let Self { request_id, method, path, caller, .. } = self;
        let Outcome { status, word, code, replayed } = outcome;
        let route = path.strip_prefix("/v1/billing/").unwrap_or(path);
        let caller = caller.as_ref();
        let account = caller.map_or("-", |caller| &caller.account.id);
        let acting_account = caller.map_or("-", |caller| &caller.own_account);
        let key_id = caller.map_or("-", |caller| &caller.key_id);
        let scope = caller.map_or("-", |caller| caller.scope.as_str());
        let idempotency_key = key_hash.map_or("-", String::as_str);
        let stripe_objects = stripe.objects().join(" ");
        tracing::info!(
            target: "audit",
            event = "audit",
            request_id,
            method,
            route,
            account,
            acting_account,
            key_id,
            scope,
            outcome = word,
            status,
            code,
            replayed,
            idempotency_key,
            stripe_objects,
            "{route}: {word}"
        );
    }
}

/// The outcome of a request, as log lines name it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: u16,
    /// `done`, `refused` or `failed`.
    word: &'static str,
    /// The error's code, or `-`.
    code: String,
    /// Whether the response is a replay.
    replayed: bool,
}

impl Outcome {
    fn of(outcome: &Result<Reply, ApiError>) -> Self {
        let (status, code, replayed) = match outcome {
            Ok(reply) => (reply.status(), reply.error_code(), reply.is_replayed()),
            Err(error) => {
                let (status, code) = error.kind();
                (status.as_u16(), Some(code.to_owned()), false)
            }
        };
        let word = match status {
            ..400 => "done",
            400..500 => "refused",
            500.. => "failed",
        };
        Self { status, word, code: code.unwrap_or_else(|| "-".to_owned()), replayed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replayed_error_is_refused_with_its_code() {
        let of = |outcome| {
            let Outcome { status, word, code, replayed } = Outcome::of(&outcome);
            (status, word, code, replayed)
        };
        let text = str::to_owned;
        let cases = [
            (Reply::ok(&()), (200, "done", text("-"), false)),
            (Ok(Reply::replayed(201, text("{}"))), (201, "done", text("-"), true)),
            (Err(ApiError::NoSubscription), (409, "refused", text("no_subscription"), false)),
            (
                Ok(Reply::replayed(402, text(r#"{"error":"payment_failed"}"#))),
                (402, "refused", text("payment_failed"), true),
            ),
            (Err(ApiError::Timeout), (504, "failed", text("timeout"), false)),
        ];
        for (outcome, expected) in cases {
            assert_eq!(of(outcome), expected);
        }
    }
}
