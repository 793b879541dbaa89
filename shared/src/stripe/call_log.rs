//! Record of one request's calls to Stripe: counts and durations for the response and the log, and IDs of
//! changed objects for the audit log.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

/// Counters of the requests to Stripe, shared by the clones of one [`super::Stripe`].
#[derive(Debug, Default)]
pub struct CallLog {
    micros: AtomicU64,
    attempts: AtomicU32,
    errors: AtomicU32,
    rate_limits: AtomicU32,
    objects: Mutex<Vec<String>>,
}

impl CallLog {
    pub(super) fn count_attempt(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_rate_limit(&self) {
        self.rate_limits.fetch_add(1, Ordering::Relaxed);
    }

    /// Records an object that a request creates or changes.
    pub(super) fn record_object(&self, id: &str) {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if !objects.iter().any(|known| known == id) {
            objects.push(id.to_owned());
        }
    }

    /// Sum of the attempts' durations, in microseconds. Parallel attempts count in full.
    pub fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }

    /// Number of requests sent, retries included.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
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
