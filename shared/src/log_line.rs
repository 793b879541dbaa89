//! What each request leaves in the log.

use crate::audit::{self, Outcome, Trail};
use crate::auth::Caller;
use crate::gateway::Incoming;
use crate::respond::{ApiError, Reply, Timings};

/// One line a request, written when its answer is known; for a request that may change something an
/// audit line as well. They have ids, never a key or a body.
pub(crate) struct LogLine {
    request_id: String,
    method: String,
    path: String,
    caller: Option<Caller>,
}

impl LogLine {
    pub(crate) fn new(incoming: &Incoming) -> Self {
        Self {
            request_id: incoming.request_id.clone(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            caller: None,
        }
    }

    pub(crate) fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    pub(crate) fn write(
        &self,
        outcome: &Result<Reply, ApiError>,
        timings: &Timings,
        trail: &Trail,
    ) {
        let Self { request_id, method, path, caller } = self;
        let account = caller.as_ref().map_or("-", |caller| &caller.account.id);
        let key_id = caller.as_ref().map_or("-", |caller| &caller.key_id);
        let (duration_ms, stripe_calls) = (timings.total_ms(), timings.stripe_count());
        let found = Outcome::of(outcome);
        let Outcome { status, word, code, replayed } = &found;
        let cause = outcome.as_ref().err().and_then(ApiError::cause);
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        // The level has to be a constant.
        macro_rules! line {
            ($level:ident, $text:literal $(, $more:ident)*) => {
                tracing::$level!(
                    request_id, method, path, status, $($more,)* account, key_id, duration_ms,
                    stripe_calls, replayed, $text
                )
            };
        }
        match *word {
            "done" => line!(info, "answered"),
            "refused" => line!(info, "refused", code, cause),
            _ => line!(error, "failed", code, cause),
        }
        if method == "POST" {
            audit::write(request_id, path, caller.as_ref(), &found, trail);
        }
    }
}
