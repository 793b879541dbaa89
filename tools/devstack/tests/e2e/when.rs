//! Moments, as the seeded stories and the contract count and write them.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

use crate::harness::Harness;

pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

impl Harness {
    /// The moment at which every seeded story ended, and its clock stopped.
    #[track_caller]
    pub(crate) fn seeded_at(&self) -> i64 {
        let customer = self.account("metered").customer.as_deref().expect("a customer");
        let customer = self.stripe(&format!("/customers/{customer}"));
        let clock = customer["test_clock"].as_str().expect("a clock");
        let clock = self.stripe(&format!("/test_helpers/test_clocks/{clock}"));
        clock["frozen_time"].as_i64().expect("a moment")
    }
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a date")
}

/// `2026-06-28T09:30:00Z`.
pub(crate) fn at(seconds: i64) -> Value {
    moment(seconds).format(&Rfc3339).expect("a date").into()
}

/// `2026-06-28`.
pub(crate) fn day(seconds: i64) -> Value {
    moment(seconds).date().to_string().into()
}

/// A calendar month later, on the last day of a month that lacks this one's.
pub(crate) fn month_after(seconds: i64) -> i64 {
    let start = moment(seconds);
    let year = start.year() + i32::from(start.month() == Month::December);
    let month = start.month().next();
    let date = Date::from_calendar_date(year, month, start.day().min(month.length(year)));
    start.replace_date(date.expect("a date")).unix_timestamp()
}

/// A calendar month earlier, on the 28th at the latest: there the stories of failed renewals begin.
pub(crate) fn month_before(seconds: i64) -> i64 {
    let end = moment(seconds);
    let year = end.year() - i32::from(end.month() == Month::January);
    let date = Date::from_calendar_date(year, end.month().previous(), end.day().min(28));
    end.replace_date(date.expect("a date")).unix_timestamp()
}

/// The present by this machine's clock.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A renewal that is not paid: when the subscription began, when it was renewed, when the charges
/// are tried, and how many of those times have come.
pub(crate) struct Renewal {
    pub(crate) start: i64,
    pub(crate) renewed: i64,
    pub(crate) tries: [i64; 4],
    pub(crate) tried: usize,
}

impl Renewal {
    /// Of a subscription that is renewed at about this moment.
    pub(crate) fn at_about(renewal: i64, now: i64) -> Self {
        let start = month_before(renewal);
        let renewed = month_after(start);
        let first = renewed + HOUR;
        // The retries that Stripe's dashboard is set to: 3, 5 and 7 days after the one before.
        let tries = [0, 3, 8, 15].map(|days| first + days * DAY);
        Self { start, renewed, tries, tried: tries.iter().filter(|moment| **moment <= now).count() }
    }
}
