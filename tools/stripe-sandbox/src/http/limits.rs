//! Rate limits, off by default.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::endpoint::call::Endpoint;
use crate::values::errors::{ApiError, Result};
use crate::world::invoice_limits::InvoiceLimits;

/// Rate limits; None means no limit.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests in any one second.
    pub per_second: Option<usize>,
    /// Requests to one endpoint in any one second.
    pub per_endpoint_per_second: Option<usize>,
    /// `Stripe-Should-Retry` header of a 429; None omits it.
    pub should_retry: Option<bool>,
    /// New invoices of one subscription by request, on its customer's clock.
    pub invoices_per_minute: Option<usize>,
    pub invoices_per_day: Option<usize>,
}

impl Limits {
    pub fn of_invoices(&self) -> InvoiceLimits {
        InvoiceLimits { per_minute: self.invoices_per_minute, per_day: self.invoices_per_day }
    }
}

/// Rate limits, and the requests that count against them.
#[derive(Default)]
pub struct Limiter {
    pub limits: Limits,
    all: VecDeque<Instant>,
    by_endpoint: HashMap<(&'static str, &'static str), VecDeque<Instant>>,
}

impl Limiter {
    pub fn set(&mut self, limits: Limits) {
        *self = Limiter { limits, ..Limiter::default() };
    }

    /// Counts the request, or returns a 429 without counting it.
    pub fn admit(&mut self, endpoint: &Endpoint, now: Instant) -> Result<()> {
        let Limits { per_second, per_endpoint_per_second, .. } = self.limits;
        if per_second.is_none() && per_endpoint_per_second.is_none() {
            return Ok(());
        }
        let own = self.by_endpoint.entry((endpoint.method, endpoint.path)).or_default();
        if is_full(&mut self.all, per_second, now) || is_full(own, per_endpoint_per_second, now) {
            return Err(ApiError::rate_limit());
        }
        self.all.push_back(now);
        own.push_back(now);
        Ok(())
    }
}

fn is_full(seen: &mut VecDeque<Instant>, limit: Option<usize>, now: Instant) -> bool {
    while seen.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
        seen.pop_front();
    }
    limit.is_some_and(|limit| seen.len() >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources;

    fn endpoint(path: &str) -> &'static Endpoint {
        resources::endpoints().find(|endpoint| endpoint.path == path).unwrap()
    }

    #[test]
    fn limiter_admits_the_maximum_per_second_and_ignores_refusals() {
        let (a, b) = (endpoint("/v1/customers"), endpoint("/v1/products"));
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut limiter = Limiter::default();
        assert!(limiter.admit(a, at(0)).is_ok(), "off by default");
        limiter.set(Limits {
            per_second: Some(3),
            per_endpoint_per_second: Some(2),
            ..Limits::default()
        });
        for (millis, endpoint, admitted) in [
            (0, a, true),
            (100, a, true),
            (200, a, false),
            (300, b, true),
            (400, b, false),
            (1000, b, true),
            (1050, b, false),
            (1100, a, true),
            (1150, a, false),
        ] {
            assert_eq!(limiter.admit(endpoint, at(millis)).is_ok(), admitted, "at {millis} ms");
        }
    }
}
