//! Failed authentications, counted by where they come from.
//!
//! Nobody guesses a key of 190 random bits, but trying costs look-ups and fills the log. So an
//! address that fails again and again is told to wait. Only failures count, and only failures are
//! told so: a good key gets in from any address at any time, so that nobody can lock out others who
//! share one.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::respond::ApiError;

/// Addresses that are remembered, at some 100 bytes each. Whoever has more than these is for the
/// gateway's own limit to stop.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(2_048).expect("not 0");

const MINUTE: Duration = Duration::from_mins(1);

/// Where a request comes from, as far as one person holds it: an IPv4 address, an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
    /// There was no gateway to say so.
    Unknown,
}

impl Source {
    /// Reads the gateway's `sourceIp`.
    pub(crate) fn of(text: Option<&str>) -> Self {
        match text.and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => Self::V4(ip.octets()),
            Some(IpAddr::V6(ip)) => {
                let mut network = [0; 8];
                network.copy_from_slice(&ip.octets()[..8]);
                Self::V6(network)
            }
            None => Self::Unknown,
        }
    }
}

/// A token bucket for each address, in this process alone.
pub(crate) struct Throttle {
    /// The time that one failure stands for; none where there is no limit.
    each: Option<Duration>,
    /// When the bucket of an address will be full again. A full one need not be remembered.
    full_at: Mutex<LruCache<Source, Instant>>,
}

impl Throttle {
    /// `per_minute` failures may come at once, and as many more each minute; 0 is no limit.
    pub(crate) fn new(per_minute: u32) -> Self {
        let each = MINUTE.checked_div(per_minute);
        Self { each, full_at: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// The outcome of an authentication, or, for one failure too many, how long to wait.
    pub(crate) fn weigh<T>(
        &self,
        source: Source,
        outcome: Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let Err(ApiError::Unauthenticated) = outcome else { return outcome };
        match self.failed_at(source, Instant::now()) {
            None => outcome,
            Some(retry_after) => {
                let cause = "too many failed authentications from one address".into();
                Err(ApiError::RateLimited { retry_after, cause })
            }
        }
    }

    /// Counts a failure; the seconds to wait where it is one too many, which is not counted.
    fn failed_at(&self, source: Source, now: Instant) -> Option<u32> {
        let each = self.each?;
        let mut addresses = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = addresses.get(&source).copied().unwrap_or(now).max(now) + each;
        let over = full_at.duration_since(now).saturating_sub(MINUTE);
        if over.is_zero() {
            addresses.put(source, full_at);
            return None;
        }
        let seconds = over.as_secs() + u64::from(over.subsec_nanos() > 0);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(Some(text))
    }

    #[test]
    fn after_so_many_failures_an_address_has_to_wait_and_no_other() {
        let (throttle, now) = (Throttle::new(30), Instant::now());
        for _ in 0..30 {
            assert_eq!(throttle.failed_at(source("192.0.2.1"), now), None);
        }
        for _ in 0..100 {
            assert_eq!(throttle.failed_at(source("192.0.2.1"), now), Some(2));
        }
        assert_eq!(throttle.failed_at(source("192.0.2.2"), now), None);
        // Those that were refused have not made it longer.
        let later = now + Duration::from_millis(1_100);
        assert_eq!(throttle.failed_at(source("192.0.2.1"), later), Some(1));
        let later = now + Duration::from_secs(2);
        assert_eq!(throttle.failed_at(source("192.0.2.1"), later), None);
        assert_eq!(throttle.failed_at(source("192.0.2.1"), later), Some(2));
        let later = now + Duration::from_mins(3);
        for _ in 0..30 {
            assert_eq!(throttle.failed_at(source("192.0.2.1"), later), None);
        }
        assert_eq!(throttle.failed_at(source("192.0.2.1"), later), Some(2));
    }

    #[test]
    fn only_a_failure_counts_and_only_a_failure_is_told_to_wait() {
        let (throttle, from) = (Throttle::new(2), source("192.0.2.1"));
        let code = |outcome: Result<(), ApiError>| {
            throttle.weigh(from, outcome).map_err(|error| error.kind())
        };
        for _ in 0..10 {
            assert_eq!(code(Ok(())), Ok(()));
            assert!(matches!(code(Err(ApiError::ActAsForbidden)), Err((_, "act_as_forbidden"))));
        }
        for expected in ["unauthenticated", "unauthenticated", "rate_limited", "rate_limited"] {
            let (_, found) = code(Err(ApiError::Unauthenticated)).expect_err("a failure");
            assert_eq!(found, expected);
            assert_eq!(code(Ok(())), Ok(()), "a good key from the same address");
        }
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let (throttle, now) = (Throttle::new(0), Instant::now());
        assert!((0..1_000).all(|_| throttle.failed_at(Source::Unknown, now).is_none()));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_it() {
        let (throttle, now) = (Throttle::new(30), Instant::now());
        for number in 0..100_000_u32 {
            throttle.failed_at(Source::V4(number.to_be_bytes()), now);
        }
        let addresses = throttle.full_at.lock().expect("no panic");
        assert_eq!(addresses.len(), REMEMBERED.get());
    }

    #[test]
    fn an_address_is_what_one_person_holds() {
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        for unknown in ["", "localhost", "192.0.2.1, 192.0.2.2", "192.0.2.1:80", "1"] {
            assert_eq!(source(unknown), Source::Unknown, "{unknown}");
        }
    }
}
