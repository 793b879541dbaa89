//! Requests to the API that a page has made.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::Method;

use crate::http::Response;

/// Recorded requests of one page.
#[derive(Default)]
pub struct Calls(Mutex<Vec<Call>>);

/// One request and its response. It has no keys and no bodies.
#[derive(Clone, Debug)]
pub struct Call {
    started: Instant,
    pub method: String,
    pub path: String,
    pub account: String,
    /// The status, or the reason why no response arrived.
    pub outcome: Result<u16, String>,
    /// Milliseconds until the response had arrived.
    pub milliseconds: u128,
    pub server_timing: Option<String>,
    pub stripe_ids: Vec<String>,
    pub cache_status: Option<String>,
    pub as_of: Option<String>,
    pub request_id: Option<String>,
    /// Whether the response is the stored one of an earlier request with the same idempotency key.
    pub replayed: bool,
}

impl Call {
    pub fn new(
        method: &Method,
        path: &str,
        account: &str,
        started: Instant,
        outcome: Result<&Response, &String>,
    ) -> Self {
        let header = |name| outcome.ok().and_then(|one| one.header(name)).map(str::to_owned);
        let ids = header("x-stripe-request-ids").unwrap_or_default();
        Self {
            started,
            method: method.to_string(),
            path: path.to_owned(),
            account: account.to_owned(),
            outcome: outcome.map(|response| response.status).map_err(Clone::clone),
            milliseconds: started.elapsed().as_millis(),
            server_timing: header("server-timing"),
            stripe_ids: ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            cache_status: header("cache-status"),
            as_of: header("x-as-of"),
            request_id: header("x-request-id"),
            replayed: header("idempotent-replayed").is_some(),
        }
    }

    /// Returns the number of requests to Stripe: `count` of `stripe` in `server-timing`.
    pub fn stripe_requests(&self) -> usize {
        let timing = self.server_timing.as_deref().unwrap_or_default();
        let stripe = timing.split(',').map(str::trim).find(|part| part.starts_with("stripe;"));
        let count =
            stripe.and_then(|part| part.split(';').find_map(|one| one.strip_prefix("count=")));
        count.and_then(|count| count.parse().ok()).unwrap_or_default()
    }
}

impl Calls {
    pub fn record(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Returns the requests in the order in which they were sent.
    pub fn in_order(&self) -> Vec<Call> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.sort_by_key(|call| call.started);
        calls
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn call(headers: &[(&'static str, &str)]) -> Call {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        let response = Response { status: 200, headers, body: bytes::Bytes::new() };
        Call::new(&Method::GET, "/v1/billing/summary", "acme", Instant::now(), Ok(&response))
    }

    #[test]
    fn stripe_requests_are_counted_from_server_timing() {
        let timing = "total;dur=212.4, auth;dur=3.1, stripe;dur=208.0;count=3";
        assert_eq!(call(&[("server-timing", timing)]).stripe_requests(), 3);
        assert_eq!(call(&[("server-timing", "total;dur=1.0")]).stripe_requests(), 0);
        assert_eq!(call(&[]).stripe_requests(), 0);
    }

    #[test]
    fn stripe_ids_are_separated() {
        assert_eq!(call(&[("x-stripe-request-ids", "req_1,req_2")]).stripe_ids, ["req_1", "req_2"]);
        assert!(call(&[]).stripe_ids.is_empty());
    }
}
