//! When to ask Stripe again, and how long to wait before.

use std::time::Duration;

/// Requests for one call, the first included.
const ATTEMPTS: u32 = 3;

/// The same where Stripe has too many of ours: its limits count by the second, so those who were
/// refused queue up for the next ones.
const RATE_LIMITED_ATTEMPTS: u32 = 5;

/// What an attempt came to, as far as a retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stripe answered with this status.
    Status {
        status: u16,
        /// `Stripe-Should-Retry`, where it was sent. It beats the status.
        should_retry: Option<bool>,
        /// `Retry-After`, in seconds, where it was sent.
        retry_after: Option<u32>,
    },
    /// No connection, or it broke, or no answer in time.
    Broken,
}

impl Outcome {
    /// There was no answer of use, and that is Stripe's fault, the network's or our key's.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::Broken => true,
            Self::Status { status, .. } => matches!(status, 401 | 403 | 500..=599),
        }
    }

    /// Asking again may help.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Broken => true,
            Self::Status { status, should_retry, .. } => {
                should_retry.unwrap_or(matches!(status, 409 | 424 | 429 | 500..=599))
            }
        }
    }

    /// Stripe had too many requests of ours.
    #[must_use]
    pub fn is_rate_limit(self) -> bool {
        matches!(self, Self::Status { status: 429, .. })
    }
}

/// How long to wait before attempt number `next` (2 is the first retry), or `None` for giving up.
///
/// Statuses: <https://docs.stripe.com/error-low-level>. 409 is a key still in use or a lock, 424 a
/// dependency of Stripe's. `jitter` is anything from 0 to 1000.
#[must_use]
pub fn wait(outcome: Outcome, next: u32, jitter: u16) -> Option<Duration> {
    let attempts = if outcome.is_rate_limit() { RATE_LIMITED_ATTEMPTS } else { ATTEMPTS };
    if next > attempts || !outcome.may_pass() {
        return None;
    }
    let asked = match outcome {
        Outcome::Status { retry_after: Some(seconds), .. } => Duration::from_secs(seconds.into()),
        _ => Duration::ZERO,
    };
    // Those who were told to come back at the same moment do not all do so either.
    Some(asked + backoff(next, jitter))
}

/// Anything up to 0.2 s, 0.4 s, 0.8 s, …, so that many callers who were refused at once do not come
/// back at once. <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
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
    fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
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
    fn a_failure_is_stripes_or_our_keys_and_a_rate_limit_is_none() {
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
    fn the_wait_is_spread_over_the_whole_of_it() {
        assert_eq!(wait(Outcome::Broken, 2, 0), Some(Duration::ZERO));
        assert_eq!(wait(Outcome::Broken, 2, 500), Some(Duration::from_millis(100)));
        assert_eq!(wait(Outcome::Broken, 2, u16::MAX), Some(Duration::from_millis(200)));
        let asked = status(429, None, Some(1));
        assert_eq!(wait(asked, 3, 500), Some(Duration::from_millis(1_200)));
    }
}
