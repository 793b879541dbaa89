//! A request, and the answer to it.

use super::idempotency::Outcome;
use crate::values::errors::ApiError;

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
    pub fn new(request_id: String, origin: &str) -> Answer {
        Answer {
            log_url: format!("{origin}/requests/{request_id}"),
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
