//! The one line that each request leaves in the log.

use std::fmt;

use crate::auth::Caller;
use crate::gateway::Incoming;
use crate::respond::{ApiError, Reply, Timings};

/// One line a request, written when its answer is known. It has ids, never a key or a body.
pub(crate) struct LogLine {
    request_id: String,
    method: String,
    path: String,
    account: Option<String>,
    key_id: Option<String>,
}

impl LogLine {
    pub(crate) fn new(incoming: &Incoming) -> Self {
        Self {
            request_id: incoming.request_id.clone(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            account: None,
            key_id: None,
        }
    }

    pub(crate) fn caller(&mut self, caller: &Caller) {
        self.account = Some(caller.account.id.clone());
        self.key_id = Some(caller.key_id.clone());
    }

    pub(crate) fn write(&self, outcome: &Result<Reply, ApiError>, timings: &Timings) {
        let Self { request_id, method, path, .. } = self;
        let (account, key_id) = (Optional(&self.account), Optional(&self.key_id));
        let (duration_ms, stripe_calls) = (timings.total_ms(), timings.stripe_count());
        match outcome {
            Ok(reply) => {
                let status = reply.status.as_u16();
                tracing::info!(request_id, method, path, status, %account, %key_id, duration_ms, stripe_calls, "answered");
            }
            Err(error) => {
                let (status, code) = error.kind();
                let status = status.as_u16();
                let cause = error.cause().map(ToString::to_string).unwrap_or_default();
                if status >= 500 {
                    tracing::error!(request_id, method, path, status, code, %account, %key_id, duration_ms, stripe_calls, cause, "failed");
                } else {
                    tracing::info!(request_id, method, path, status, code, %account, %key_id, duration_ms, stripe_calls, cause, "refused");
                }
            }
        }
    }
}

/// A value, or `-` in its place.
struct Optional<'a>(&'a Option<String>);

impl fmt::Display for Optional<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("-"))
    }
}
