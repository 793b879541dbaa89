//! Billing periods, given an anchor and an interval.
//!
//! Every boundary is computed from the anchor, never from the previous boundary: a subscription
//! that began on 31 January renews on 28 February and then on 31 March.

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

/// Seconds since the Unix epoch, as in Stripe's API.
pub type Timestamp = i64;

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    pub const NAMES: &'static [(&'static str, Unit)] =
        &[("day", Unit::Day), ("month", Unit::Month), ("week", Unit::Week), ("year", Unit::Year)];

    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interval {
    pub unit: Unit,
    pub count: i64,
}

impl Interval {
    /// Returns the `n`-th boundary after `anchor`, or before it for a negative `n`.
    pub fn boundary(self, anchor: Timestamp, n: i64) -> Timestamp {
        let steps = n * self.count;
        match self.unit {
            Unit::Day => anchor + steps * DAY,
            Unit::Week => anchor + steps * 7 * DAY,
            Unit::Month => add_months(anchor, steps),
            Unit::Year => add_months(anchor, steps * 12),
        }
    }

    /// Returns the period that contains `at`. A period includes its start and excludes its end.
    pub fn period_at(self, anchor: Timestamp, at: Timestamp) -> (Timestamp, Timestamp) {
        let mut n = (at - anchor).div_euclid(self.longest());
        while self.boundary(anchor, n) > at {
            n -= 1;
        }
        while self.boundary(anchor, n + 1) <= at {
            n += 1;
        }
        (self.boundary(anchor, n), self.boundary(anchor, n + 1))
    }

    /// Returns an upper bound of a period's length in seconds.
    fn longest(self) -> i64 {
        let days = match self.unit {
            Unit::Day => 1,
            Unit::Week => 7,
            Unit::Month => 31,
            Unit::Year => 366,
        };
        days * self.count * DAY
    }

    /// Returns a number that orders intervals by their length.
    pub fn rank(self) -> i64 {
        self.longest()
    }
}

/// Returns the same day and time `months` later, or the last day of a shorter month.
pub fn add_months(at: Timestamp, months: i64) -> Timestamp {
    let moment = to_utc(at);
    let month_index =
        i64::from(moment.year()) * 12 + i64::from(u8::from(moment.month())) - 1 + months;
    let year = i32::try_from(month_index.div_euclid(12)).expect("years stay within the calendar");
    let month_number = u8::try_from(month_index.rem_euclid(12) + 1).expect("1 to 12");
    let month = Month::try_from(month_number).expect("1 to 12");
    let day = moment.day().min(month.length(year));
    let date =
        Date::from_calendar_date(year, month, day).expect("the day was clamped to the month");
    date.with_time(moment.time()).assume_utc().unix_timestamp()
}

/// Formats a date as in Stripe's descriptions: "01 Sep 2020".
pub fn short_date(at: Timestamp) -> String {
    let moment = to_utc(at);
    let month = moment.month().to_string();
    format!("{:02} {} {}", moment.day(), &month[..3], moment.year())
}

fn to_utc(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at)
        .expect("parameters are limited to times within the calendar")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const MONTHLY: Interval = Interval { unit: Unit::Month, count: 1 };
    const YEARLY: Interval = Interval { unit: Unit::Year, count: 1 };

    #[test]
    fn month_boundaries_are_clamped_to_the_last_day() {
        let anchor = datetime!(2027-01-31 09:30 UTC).unix_timestamp();
        let expected = [
            datetime!(2027-02-28 09:30 UTC),
            datetime!(2027-03-31 09:30 UTC),
            datetime!(2027-04-30 09:30 UTC),
            datetime!(2027-05-31 09:30 UTC),
        ];
        for (n, end) in (1..).zip(expected) {
            assert_eq!(MONTHLY.boundary(anchor, n), end.unix_timestamp(), "boundary {n}");
        }
    }

    #[test]
    fn leap_day_anchor_is_used_again_in_leap_years() {
        let anchor = datetime!(2028-02-29 00:00 UTC).unix_timestamp();
        assert_eq!(YEARLY.boundary(anchor, 1), datetime!(2029-02-28 00:00 UTC).unix_timestamp());
        assert_eq!(YEARLY.boundary(anchor, 4), datetime!(2032-02-29 00:00 UTC).unix_timestamp());
    }

    #[test]
    fn short_date_matches_stripes_format() {
        assert_eq!(short_date(datetime!(2020-09-01 23:59 UTC).unix_timestamp()), "01 Sep 2020");
    }

    fn intervals() -> impl Strategy<Value = Interval> {
        (prop::sample::select(vec![Unit::Day, Unit::Week, Unit::Month, Unit::Year]), 1..13_i64)
            .prop_map(|(unit, count)| Interval { unit, count })
    }

    proptest! {
        #[test]
        fn every_time_is_in_exactly_one_period(
            interval in intervals(), anchor in 0..4_000_000_000_i64, offset in -500_000_000..500_000_000_i64,
        ) {
            let at = anchor + offset;
            let (start, end) = interval.period_at(anchor, at);
            prop_assert!(start <= at && at < end);
            prop_assert_eq!(interval.period_at(anchor, end).0, end, "periods touch");
            prop_assert_eq!(interval.period_at(anchor, start), (start, end), "the start belongs to it");
        }

        #[test]
        fn added_months_keep_the_day_or_use_the_last_one(
            at in 0..4_000_000_000_i64, months in -600..600_i64,
        ) {
            let (before, after) = (to_utc(at), to_utc(add_months(at, months)));
            prop_assert_eq!(before.time(), after.time());
            let last = after.month().length(after.year());
            prop_assert_eq!(after.day(), before.day().min(last));
        }
    }
}
