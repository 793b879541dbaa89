//! Log of the most recent requests, for `GET /_sandbox/requests` and the page at `/`. Stores keys
//! masked.

use std::collections::VecDeque;

use serde::Serialize;

use super::auth::masked;
use super::exchange::{ApiRequest, ApiResponse};
use super::faults::FaultKind;

#[derive(Clone, Debug, Serialize)]
pub struct LogEntry {
    /// Real time, in seconds since the Unix epoch.
    pub at: i64,
    pub method: String,
    pub path: String,
    /// 0 if the connection closed without a response.
    pub status: u16,
    pub request_id: String,
    /// Masked key.
    pub key: Option<String>,
    pub idempotency_key: Option<String>,
    pub replayed: bool,
    pub fault: Option<FaultKind>,
    /// Message of an error response.
    pub message: Option<String>,
    /// Encoded parameters.
    #[serde(skip)]
    pub params: String,
    #[serde(skip)]
    pub response_body: String,
}

/// Longer parameters and bodies are truncated.
const MAX_KEPT_BYTES: usize = 16 * 1024;

impl LogEntry {
    pub fn new(
        at: i64,
        request: &ApiRequest,
        response: &ApiResponse,
        fault: Option<FaultKind>,
    ) -> LogEntry {
        let params = match (request.query.as_str(), request.body.as_str()) {
            (query, "") => query.to_owned(),
            ("", body) => truncated(body),
            (query, body) => format!("{query}&{}", truncated(body)),
        };
        LogEntry {
            at,
            method: request.method.clone(),
            path: request.path.clone(),
            status: response.status,
            request_id: response.request_id.clone(),
            key: response.key.as_deref().map(masked),
            idempotency_key: request.idempotency_key.clone(),
            replayed: response.replay_of.is_some(),
            fault,
            message: response.message.clone(),
            params,
            response_body: truncated(&response.body),
        }
    }
}

fn truncated(text: &str) -> String {
    if text.len() <= MAX_KEPT_BYTES {
        return text.to_owned();
    }
    format!(
        "{}\n… and {} bytes more",
        &text[..text.floor_char_boundary(MAX_KEPT_BYTES)],
        text.len() - MAX_KEPT_BYTES
    )
}

#[derive(Default)]
pub struct Log(VecDeque<LogEntry>);

const CAPACITY: usize = 2000;

impl Log {
    pub fn add(&mut self, entry: LogEntry) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// Returns the entries, newest first.
    pub fn recent(&self) -> impl Iterator<Item = &LogEntry> {
        self.0.iter().rev()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
