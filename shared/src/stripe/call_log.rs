//! Record of one request's calls to Stripe: counts, durations and Stripe's request IDs for the response and
//! the log, and IDs of changed objects for the audit log.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::request_id::RequestId;

/// Largest number of Stripe's request IDs that a response or a log line has.
const MAX_IDS: usize = 10;

/// Counters of the requests to Stripe, shared by the clones of one [`super::Stripe`].
#[derive(Debug, Default)]
pub struct CallLog {
    attempts: Mutex<Attempts>,
    errors: AtomicU32,
    rate_limits: AtomicU32,
    incomplete: AtomicU32,
    objects: Mutex<Vec<String>>,
}

/// The attempts of all calls, retries included.
#[derive(Debug, Default)]
struct Attempts {
    started: u32,
    running: u32,
    /// Start of the time in which at least one attempt has been running without a break.
    busy_since: Option<Instant>,
    /// Earlier times in which at least one attempt was running.
    busy: Duration,
    /// Number of the attempt and Stripe's ID of it, in the order of the responses.
    ids: Vec<(u32, RequestId)>,
}

impl Attempts {
    /// Counts an attempt that starts, and returns its number.
    fn start(&mut self, now: Instant) -> u32 {
        self.started += 1;
        self.running += 1;
        self.busy_since.get_or_insert(now);
        self.started
    }

    fn end(&mut self, now: Instant) {
        self.running -= 1;
        if self.running == 0 {
            self.busy = self.waited(now);
            self.busy_since = None;
        }
    }

    fn waited(&self, now: Instant) -> Duration {
        self.busy + self.busy_since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

/// A running attempt. It ends when it is dropped, also with the future of a request that timed out.
pub(super) struct Attempt<'a> {
    log: &'a CallLog,
    number: u32,
}

impl Attempt<'_> {
    /// Records the ID in Stripe's response.
    pub(super) fn record_id(&self, id: RequestId) {
        self.log.lock().ids.push((self.number, id));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.log.lock().end(Instant::now());
    }
}

impl CallLog {
    /// Counts an attempt, and measures it until the returned value is dropped.
    pub(super) fn start_attempt(&self) -> Attempt<'_> {
        let number = self.lock().start(Instant::now());
        Attempt { log: self, number }
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_rate_limit(&self) {
        self.rate_limits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a part of a plan change that Stripe refused, or that a later request has to repeat.
    pub fn count_incomplete(&self) {
        self.incomplete.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of parts of plan changes that Stripe refused, or that a later request has to repeat.
    pub fn incomplete(&self) -> u32 {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// Records an object that a request creates or changes.
    pub(super) fn record_object(&self, id: &str) {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if !objects.iter().any(|known| known == id) {
            objects.push(id.to_owned());
        }
    }

    /// Time during which at least one attempt was running. Parallel attempts count once.
    pub fn waited(&self) -> Duration {
        self.lock().waited(Instant::now())
    }

    /// Number of requests sent, retries included.
    pub fn attempts(&self) -> u32 {
        self.lock().started
    }

    /// Returns Stripe's IDs of the requests, in the order of the requests, each once, separated by commas.
    ///
    /// Of more than ten it has the last ten, since the last call explains a failure. Empty if no response
    /// had an ID.
    pub fn request_ids(&self) -> String {
        let mut ids = self.lock().ids.clone();
        ids.sort_by_key(|(number, _)| *number);
        let mut unique: Vec<&str> = Vec::new();
        for (_, id) in &ids {
            if !unique.contains(&id.as_str()) {
                unique.push(id.as_str());
            }
        }
        unique[unique.len().saturating_sub(MAX_IDS)..].join(",")
    }

    /// Number of attempts that failed: no connection, a 5xx, a refused key.
    pub fn errors(&self) -> u32 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Number of attempts that hit Stripe's rate limit.
    pub fn rate_limits(&self) -> u32 {
        self.rate_limits.load(Ordering::Relaxed)
    }

    /// IDs of the objects that were created or changed, in order, each once.
    pub fn objects(&self) -> Vec<String> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the ID of the object that a path names, such as `in_1` of `/invoices/in_1/void`.
pub(super) fn id_in_path(path: &str) -> Option<&str> {
    path.split('/').nth(2).filter(|id| id.contains('_'))
}

/// Returns the ID of the object in a response.
pub(super) fn id_in_response(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        id: Option<String>,
    }
    serde_json::from_slice::<Object>(body).ok()?.id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_names_the_object_that_it_changes() {
        let cases = [
            ("/subscriptions/sub_1", Some("sub_1")),
            ("/invoices/in_1/void", Some("in_1")),
            ("/checkout/sessions", None),
            ("/checkout/sessions/cs_test_1/expire", None),
            ("/billing_portal/sessions", None),
            ("/customers", None),
        ];
        for (path, id) in cases {
            assert_eq!(id_in_path(path), id, "{path}");
        }
    }

    #[test]
    fn overlapping_attempts_count_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut attempts = Attempts::default();
        assert_eq!(attempts.waited(at(0)), Duration::ZERO);
        assert_eq!(attempts.start(at(0)), 1);
        assert_eq!(attempts.start(at(10)), 2);
        attempts.end(at(20));
        assert_eq!(attempts.waited(at(30)), Duration::from_millis(30), "one is still running");
        attempts.end(at(30));
        assert_eq!(attempts.waited(at(40)), Duration::from_millis(30));
        assert_eq!(attempts.start(at(40)), 3);
        attempts.end(at(45));
        assert_eq!(attempts.waited(at(50)), Duration::from_millis(35));
    }

    #[test]
    fn dropped_attempt_has_ended() {
        let log = CallLog::default();
        drop(log.start_attempt());
        assert_eq!((log.attempts(), log.lock().running), (1, 0));
    }

    #[test]
    fn request_ids_have_the_order_of_the_requests() {
        let id = |number: u32| RequestId::parse(&format!("req_{number}")).expect("an ID");
        let log = CallLog::default();
        assert_eq!(log.request_ids(), "");
        let (first, second, lost) = (log.start_attempt(), log.start_attempt(), log.start_attempt());
        second.record_id(id(2));
        first.record_id(id(1));
        drop(lost);
        log.start_attempt().record_id(id(1));
        assert_eq!(log.request_ids(), "req_1,req_2");
        for number in 3..=12 {
            log.start_attempt().record_id(id(number));
        }
        let newest: Vec<String> = (3..=12).map(|number| format!("req_{number}")).collect();
        assert_eq!(log.request_ids(), newest.join(","));
    }

    #[test]
    fn object_is_recorded_once() {
        let log = CallLog::default();
        for id in ["sub_1", "in_1", "sub_1"] {
            log.record_object(id);
        }
        assert_eq!(log.objects(), ["sub_1", "in_1"]);
        assert_eq!(
            id_in_response(br#"{"id":"cus_1","object":"customer"}"#).as_deref(),
            Some("cus_1")
        );
        assert_eq!(id_in_response(b"[]"), None);
    }
}
