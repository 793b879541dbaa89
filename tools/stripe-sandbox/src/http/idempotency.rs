//! Idempotency keys: stores the first response to a POST and replays it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};

/// Response stored for a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredResponse {
    pub status: u16,
    pub body: String,
    pub request_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// With the response, once the operation is complete and the response is being sent.
    Running(Option<StoredResponse>),
    Done(StoredResponse),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    fingerprint: String,
    state: State,
    since: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
pub struct IdempotencyStore {
    entries: HashMap<String, Entry>,
}

/// Result of claiming a key.
#[derive(Debug, PartialEq)]
pub enum Claim {
    /// The key is new: run the operation, `record` its response, and `finish` in any case.
    Run,
    Replay(StoredResponse),
}

const MAX_KEY_LENGTH: usize = 255;

impl IdempotencyStore {
    /// Claims a key. `fingerprint` must be the same in every retry.
    pub fn claim(&mut self, key: &str, fingerprint: String, now: Timestamp) -> Result<Claim> {
        if key.chars().count() > MAX_KEY_LENGTH {
            return Err(ApiError::idempotency(format!(
                "The `Idempotency-Key` header must be at most {MAX_KEY_LENGTH} characters long."
            )));
        }
        // Stripe can remove keys after a day. The sandbox always does, so that tests can rely on
        // it.
        if self.entries.get(key).is_some_and(|entry| now - entry.since >= DAY) {
            self.entries.remove(key);
        }
        match self.entries.get(key) {
            None => {
                self.entries.insert(key.to_owned(), Entry { fingerprint, state: State::Running(None), since: now });
                Ok(Claim::Run)
            }
            Some(entry) if entry.fingerprint != fingerprint => Err(ApiError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
            ))),
            Some(Entry { state: State::Running(_), .. }) => Err(ApiError::conflict(format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): {key}. Please try again later."
            ))
            .code("idempotency_key_in_use")),
            Some(Entry { state: State::Done(stored), .. }) => Ok(Claim::Replay(stored.clone())),
        }
    }

    /// Stores the response. The key is still in use until `finish`.
    pub fn record(&mut self, key: &str, stored: StoredResponse) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.state = State::Running(Some(stored));
        }
    }

    /// Ends the request. If no response was recorded, the operation did not begin and the key is
    /// free again.
    pub fn finish(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        match &mut entry.state {
            State::Running(stored) => match stored.take() {
                Some(stored) => entry.state = State::Done(stored),
                None => drop(self.entries.remove(key)),
            },
            State::Done(_) => {}
        }
    }

    /// Finishes all keys after a snapshot was read: no request is running.
    pub fn after_restore(mut self) -> IdempotencyStore {
        let running: Vec<String> = self.entries.keys().cloned().collect();
        for key in &running {
            self.finish(key);
        }
        self
    }
}

/// Returns method, path and parameters; their order does not matter.
pub fn fingerprint(method: &str, path: &str, pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
    sorted.sort();
    format!("{method} {path} {sorted:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: &str) -> StoredResponse {
        StoredResponse { status: 200, body: body.into(), request_id: "req_1".into() }
    }

    #[test]
    fn stored_response_is_replayed_for_24_hours() {
        let mut store = IdempotencyStore::default();
        assert_eq!(store.claim("k", "f".into(), 0).unwrap(), Claim::Run);
        assert_eq!(store.claim("k", "f".into(), 1).unwrap_err().status(), 409);
        store.record("k", stored("x"));
        assert_eq!(store.claim("k", "f".into(), 1).unwrap_err().status(), 409);
        store.finish("k");
        assert_eq!(store.claim("k", "f".into(), DAY - 1).unwrap(), Claim::Replay(stored("x")));
        assert_eq!(store.claim("k", "other".into(), 2).unwrap_err().status(), 400);
        assert_eq!(store.claim("k", "other".into(), DAY).unwrap(), Claim::Run);
    }

    #[test]
    fn key_is_free_after_a_request_without_operation() {
        let mut store = IdempotencyStore::default();
        assert_eq!(store.claim("k", "f".into(), 0).unwrap(), Claim::Run);
        store.finish("k");
        assert_eq!(store.claim("k", "other".into(), 1).unwrap(), Claim::Run);
    }

    #[test]
    fn parameter_order_does_not_change_the_fingerprint() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let (a, b) = ([pair("a", "1"), pair("b", "2")], [pair("b", "2"), pair("a", "1")]);
        assert_eq!(fingerprint("POST", "/v1/x", &a), fingerprint("POST", "/v1/x", &b));
        assert_ne!(fingerprint("POST", "/v1/x", &a), fingerprint("POST", "/v1/y", &a));
    }
}
