//! Durations of one request, for `server-timing` and the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stripe::CallLog;

/// Measures a request from its start.
#[derive(Debug)]
pub struct Timings {
    started: Instant,
    auth_micros: AtomicU64,
}

impl Timings {
    /// Starts measuring.
    pub fn start() -> Self {
        Self { started: Instant::now(), auth_micros: AtomicU64::new(0) }
    }

    /// Records that authentication has ended.
    pub fn auth_done(&self) {
        self.auth_micros.store(micros(self.started.elapsed()), Ordering::Relaxed);
    }

    /// Milliseconds since the start.
    pub fn total_ms(&self) -> u64 {
        micros(self.started.elapsed()) / 1000
    }

    /// Returns the header, such as `total;dur=12.3, auth;dur=0.4, stripe;dur=9.8;count=2`.
    ///
    /// Durations are milliseconds. Stripe's is the time during which at least one call was running, so it
    /// never exceeds the total.
    pub fn header(&self, stripe: &CallLog) -> String {
        let ms = |micros: u64| format!("{}.{}", micros / 1000, micros % 1000 / 100);
        format!(
            "total;dur={}, auth;dur={}, stripe;dur={};count={}",
            ms(micros(self.started.elapsed())),
            ms(self.auth_micros.load(Ordering::Relaxed)),
            ms(micros(stripe.waited())),
            stripe.attempts(),
        )
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
