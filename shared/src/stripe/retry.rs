//! Which attempts to retry, and after how long.

use std::time::Duration;

/// Largest number of attempts per call.
const ATTEMPTS: u32 = 3;

/// Largest number of attempts per call under Stripe's rate limit, which counts by the second.
const RATE_LIMITED_ATTEMPTS: u32 = 5;

/// The outcome of a failed attempt, as far as a retry depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stripe responded with this status.
    Status {
        status: u16,
        /// `Stripe-Should-Retry`, if present. It takes precedence over the status.
        should_retry: Option<bool>,
        /// `Retry-After` in seconds, if present.
        retry_after: Option<u32>,
    },
    /// The connection failed, or the response did not arrive in time.
    Broken,
}

impl Outcome {
    /// Returns whether Stripe, the network or our key failed.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Broken => true,
            Self::Status { status, .. } => matches!(status, 401 | 403 | 500..=599),
        }
    }

    /// Returns whether a retry may succeed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Broken => true,
            Self::Status { status, should_retry, .. } => {
                should_retry.unwrap_or(matches!(status, 409 | 424 | 429 | 500..=599))
            }
        }
    }

    /// Returns whether Stripe's rate limit refused the attempt.
    pub fn is_rate_limit(self) -> bool {
        matches!(self, Self::Status { status: 429, .. })
    }
}

/// Returns the pause before attempt number `next` (2 is the first retry); `None` to stop retrying.
///
/// Statuses: <https://docs.stripe.com/error-low-level>. 409 means a key in use or a lock, 424 a failed
/// dependency of Stripe. `jitter` is a random number from 0 to 1000.
pub fn wait(outcome: Outcome, next: u32, jitter: u16) -> Option<Duration> {
    let attempts = if outcome.is_rate_limit() { RATE_LIMITED_ATTEMPTS } else { ATTEMPTS };
    if next > attempts || !outcome.is_retryable() {
        return None;
    }
    let asked = match outcome {
        Outcome::Status { retry_after: Some(seconds), .. } => Duration::from_secs(seconds.into()),
        _ => Duration::ZERO,
    };
    // Jitter applies to Retry-After too, so that refused clients do not return at the same time.
    Some(asked + backoff(next, jitter))
}

/// Returns a random part of 0.2 s, 0.4 s, 0.8 s, … (exponential backoff with full jitter).
///
/// Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
fn backoff(next: u32, jitter: u16) -> Duration {
    let whole = Duration::from_millis(200) * 2_u32.saturating_pow(next.saturating_sub(2)).min(64);
    whole * u32::from(jitter.min(1_000)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, should_retry: Option<bool>, retry_after: Option<u32>) -> Outcome {
        Outcome::Status { status, should_retry, retry_after }
    }

    #[test]
    fn only_transient_failures_are_retried() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let cases = [
            (Outcome::Broken, 2, ms(200)),
            (Outcome::Broken, 3, ms(400)),
            (Outcome::Broken, 4, None),
            (status(500, None, None), 2, ms(200)),
            (status(503, None, Some(2)), 2, ms(2_200)),
            (status(503, None, None), 4, None),
            (status(429, None, None), 2, ms(200)),
            (status(429, None, None), 5, ms(1_600)),
            (status(429, None, None), 6, None),
            (status(429, Some(false), Some(2)), 2, None),
            (status(409, None, None), 2, ms(200)),
            (status(424, None, None), 2, ms(200)),
            (status(400, None, None), 2, None),
            (status(400, Some(true), None), 2, ms(200)),
            (status(402, None, None), 2, None),
            (status(401, None, None), 2, None),
            (status(404, None, None), 2, None),
        ];
        for (outcome, next, expected) in cases {
            assert_eq!(wait(outcome, next, 1_000), expected, "{outcome:?} before {next}");
        }
    }

    #[test]
    fn rate_limit_is_no_failure() {
        let failures = [
            Outcome::Broken,
            status(500, None, None),
            status(401, None, None),
            status(403, None, None),
        ];
        let others = [400, 402, 404, 409, 424, 429].map(|code| status(code, None, None));
        assert!(failures.into_iter().all(Outcome::is_failure));
        assert!(!others.into_iter().any(Outcome::is_failure));
        assert_eq!(others.map(Outcome::is_rate_limit), [false, false, false, false, false, true]);
    }

    #[test]
    fn pause_is_spread_over_the_whole_range() {
        assert_eq!(wait(Outcome::Broken, 2, 0), Some(Duration::ZERO));
        assert_eq!(wait(Outcome::Broken, 2, 500), Some(Duration::from_millis(100)));
        assert_eq!(wait(Outcome::Broken, 2, u16::MAX), Some(Duration::from_millis(200)));
        let asked = status(429, None, Some(1));
        assert_eq!(wait(asked, 3, 500), Some(Duration::from_millis(1_200)));
    }
}
