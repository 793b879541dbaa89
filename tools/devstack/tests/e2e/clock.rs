//! Times: their arithmetic in the fixtures, and their formats in the contract.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

use crate::harness::Harness;

pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

impl Harness {
    /// Returns the time of seeding, which every seeded customer's clock shows.
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

/// Formats a time as `2026-06-28T09:30:00Z`.
pub(crate) fn at(seconds: i64) -> Value {
    moment(seconds).format(&Rfc3339).expect("a date").into()
}

/// Formats a date as `2026-06-28`.
pub(crate) fn day(seconds: i64) -> Value {
    moment(seconds).date().to_string().into()
}

/// Returns the time a calendar month later, on the month's last day if it lacks this day.
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

/// Failed renewal: start of the subscription, time of the renewal, times of the charge and its retries, and the number of
/// attempts so far.
pub(crate) struct Renewal {
    pub(crate) start: i64,
    pub(crate) renewed: i64,
    pub(crate) tries: [i64; 4],
    pub(crate) tried: usize,
}

impl Renewal {
    /// Computes the renewal of a subscription that is renewed at about this time.
    pub(crate) fn at_about(renewal: i64, now: i64) -> Self {
        let start = month_before(renewal);
        let renewed = month_after(start);
        let first = renewed + HOUR;
        // The sandbox's retry settings: 3, 5 and 7 days after the previous attempt.
        let tries = [0, 3, 8, 15].map(|days| first + days * DAY);
        Self { start, renewed, tries, tried: tries.iter().filter(|moment| **moment <= now).count() }
    }
}
