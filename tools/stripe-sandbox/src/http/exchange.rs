//! API requests and responses.

use super::idempotency::StoredResponse;
use crate::values::errors::ApiError;

/// API request.
pub struct ApiRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: String,
    pub authorization: Option<String>,
    pub version: Option<String>,
    /// `Stripe-Account` or `Stripe-Context`.
    pub account: Option<String>,
    pub content_type: Option<String>,
    pub idempotency_key: Option<String>,
}

impl ApiRequest {
    pub fn is_api(&self) -> bool {
        self.path == "/v1" || self.path.starts_with("/v1/")
    }
}

pub struct ApiResponse {
    pub status: u16,
    pub body: String,
    pub request_id: String,
    /// URL of the request's page in the log.
    log_url: String,
    pub key: Option<String>,
    pub message: Option<String>,
    /// ID of the original request, for a replay.
    pub replay_of: Option<String>,
    pub should_retry: Option<bool>,
}

impl Default for ApiResponse {
    fn default() -> ApiResponse {
        ApiResponse {
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

impl ApiResponse {
    pub fn new(request_id: String, origin: &str) -> ApiResponse {
        ApiResponse {
            log_url: format!("{origin}/requests/{request_id}"),
            request_id,
            ..ApiResponse::default()
        }
    }

    /// Returns an empty response to the same request.
    pub fn for_same_request(&self) -> ApiResponse {
        ApiResponse {
            request_id: self.request_id.clone(),
            log_url: self.log_url.clone(),
            key: self.key.clone(),
            ..ApiResponse::default()
        }
    }

    pub fn set_error(&mut self, error: &ApiError) {
        self.status = error.status();
        self.message = Some(error.message().to_owned());
        self.body = error.to_json(&self.log_url).to_string();
    }

    /// Returns what an idempotency key stores. 409 and 429 are not stored, because a retry must be
    /// evaluated again.
    pub fn stored_response(&self) -> Option<StoredResponse> {
        let lasting = !matches!(self.status, 409 | 429);
        lasting.then(|| StoredResponse {
            status: self.status,
            body: self.body.clone(),
            request_id: self.request_id.clone(),
        })
    }
}
