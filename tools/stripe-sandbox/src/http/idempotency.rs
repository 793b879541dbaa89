//! `Idempotency-Key`: the first outcome of a POST, given again to every repetition.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};

/// A finished outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub status: u16,
    pub body: String,
    pub request_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// With its outcome, once the work is done and only the answer is still on its way.
    Running(Option<Outcome>),
    Done(Outcome),
}

#[derive(Serialize, Deserialize)]
struct Entry {
    fingerprint: String,
    state: State,
    since: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Store {
    entries: HashMap<String, Entry>,
}

/// What a request with a key is to do.
#[derive(Debug, PartialEq)]
pub enum Claim {
    /// Nobody used the key: do the work, `record` what came of it, and `finish` in any case.
    Run,
    Replay(Outcome),
}

const LONGEST_KEY: usize = 255;

impl Store {
    /// `fingerprint` is everything that must be the same in a repetition.
    pub fn claim(&mut self, key: &str, fingerprint: String, now: Timestamp) -> Result<Claim> {
        if key.chars().count() > LONGEST_KEY {
            return Err(ApiError::idempotency(format!(
                "The `Idempotency-Key` header must be at most {LONGEST_KEY} characters long."
            )));
        }
        // Stripe may forget keys after a day; here it always does, so that tests can rely on it.
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
            Some(Entry { state: State::Done(outcome), .. }) => Ok(Claim::Replay(outcome.clone())),
        }
    }

    /// The work is done, and this came of it. Until `finish`, the same key is still a conflict.
    pub fn record(&mut self, key: &str, outcome: Outcome) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.state = State::Running(Some(outcome));
        }
    }

    /// The answer is out. A request that has recorded nothing never got as far as its work: the key
    /// is free again.
    pub fn finish(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        match &mut entry.state {
            State::Running(outcome) => match outcome.take() {
                Some(outcome) => entry.state = State::Done(outcome),
                None => drop(self.entries.remove(key)),
            },
            State::Done(_) => {}
        }
    }

    /// After a snapshot was read nothing is running any more.
    pub fn wake(mut self) -> Store {
        let running: Vec<String> = self.entries.keys().cloned().collect();
        for key in &running {
            self.finish(key);
        }
        self
    }
}

/// Method, path and parameters, whatever their order.
pub fn fingerprint(method: &str, path: &str, pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
    sorted.sort();
    format!("{method} {path} {sorted:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(body: &str) -> Outcome {
        Outcome { status: 200, body: body.into(), request_id: "req_1".into() }
    }

    #[test]
    fn a_repetition_gets_the_first_outcome_for_a_day() {
        let mut store = Store::default();
        assert_eq!(store.claim("k", "f".into(), 0).unwrap(), Claim::Run);
        assert_eq!(store.claim("k", "f".into(), 1).unwrap_err().status(), 409);
        store.record("k", outcome("x"));
        assert_eq!(store.claim("k", "f".into(), 1).unwrap_err().status(), 409);
        store.finish("k");
        assert_eq!(store.claim("k", "f".into(), DAY - 1).unwrap(), Claim::Replay(outcome("x")));
        assert_eq!(store.claim("k", "other".into(), 2).unwrap_err().status(), 400);
        assert_eq!(store.claim("k", "other".into(), DAY).unwrap(), Claim::Run);
    }

    #[test]
    fn what_never_began_leaves_its_key_free() {
        let mut store = Store::default();
        assert_eq!(store.claim("k", "f".into(), 0).unwrap(), Claim::Run);
        store.finish("k");
        assert_eq!(store.claim("k", "other".into(), 1).unwrap(), Claim::Run);
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let (a, b) = ([pair("a", "1"), pair("b", "2")], [pair("b", "2"), pair("a", "1")]);
        assert_eq!(fingerprint("POST", "/v1/x", &a), fingerprint("POST", "/v1/x", &b));
        assert_ne!(fingerprint("POST", "/v1/x", &a), fingerprint("POST", "/v1/y", &a));
    }
}
