//! UTC days, and the query parameters that name them.

use serde::{Serialize, Serializer};
use shared::api::query::Query;
use shared::stripe::views::Period;
use shared::{ApiError, Timestamp};

/// Length of a day in seconds.
const DAY: i64 = 86_400;

/// Largest number of days in a response.
const MOST: i64 = 92;

/// Number of days that are shown by default without a subscription.
const WITHOUT_PERIOD: i64 = 30;

/// A calendar day in UTC, counted from 1970-01-01. It serializes as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// Returns the day of a time.
    pub fn of(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(DAY))
    }

    /// Reads `YYYY-MM-DD`, from 1970 on; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let start = Timestamp::parse(&format!("{text}T00:00:00Z"))?;
        let is_day = start.date().to_string() == text && start.seconds() >= 0;
        is_day.then(|| Self::of(start))
    }

    /// Returns when the day begins.
    pub fn start(self) -> Timestamp {
        Timestamp::try_from(self.0 * DAY).expect("days are those of times")
    }

    /// Returns the day after this one.
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// Returns the day that many days later.
    pub fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.start().date().serialize(serializer)
    }
}

/// The days from `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub from: Day,
    pub to: Day,
}

impl Days {
    /// Returns the days that a period touches.
    pub fn of(period: Period) -> Self {
        let last = Timestamp::try_from(period.end.seconds() - 1).unwrap_or(period.end);
        Self { from: Day::of(period.start), to: Day::of(last) }
    }

    /// Returns whether all of these days touch the period.
    pub fn lie_in(self, period: Period) -> bool {
        let all = Self::of(period);
        all.from <= self.from && self.to <= all.to
    }

    /// Returns the days in order, up to `last`.
    pub fn until(self, last: Day) -> impl Iterator<Item = Day> {
        (self.from.0..=self.to.min(last).0).map(Day)
    }

    fn count(self) -> i64 {
        self.to.0 - self.from.0 + 1
    }
}

/// The days of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    from: Option<Day>,
    to: Option<Day>,
}

impl Asked {
    /// Names of the parameters.
    pub const NAMES: [&str; 2] = ["from", "to"];

    /// Reads the parameters.
    ///
    /// # Errors
    /// `validation` for a value that is no day.
    pub fn of(query: &Query) -> Result<Self, ApiError> {
        let day = |name: &str| {
            let read = |text| Day::parse(text).ok_or_else(|| no_day(name));
            query.get(name).map(read).transpose()
        };
        Ok(Self { from: day("from")?, to: day("to")? })
    }

    /// Returns the days to show. The default is the current `period`, at most its last 92 days, and the last 30 days
    /// without one.
    ///
    /// # Errors
    /// `validation` if they are in the wrong order, or too many.
    pub fn days(self, period: Option<Period>, today: Day) -> Result<Days, ApiError> {
        let all = period.map_or(Days { from: today.plus(1 - WITHOUT_PERIOD), to: today }, Days::of);
        let days = match (self.from, self.to) {
            (Some(from), Some(to)) => Days { from, to },
            (Some(from), None) => Days { from, to: all.to.min(from.plus(MOST - 1)).max(from) },
            (None, Some(to)) => Days { from: all.from.max(to.plus(1 - MOST)).min(to), to },
            // Of a longer period, the newest days.
            (None, None) => {
                let to = all.to.min(all.from.plus(MOST - 1).max(today));
                Days { from: all.from.max(to.plus(1 - MOST)), to }
            }
        };
        match days.count() {
            ..=0 => Err(ApiError::validation("to", "\"to\" must not be before \"from\".")),
            1..=MOST => Ok(days),
            _ => Err(ApiError::validation(
                "to",
                format!("\"to\" must be at most {} days after \"from\".", MOST - 1),
            )),
        }
    }
}

fn no_day(name: &str) -> ApiError {
    ApiError::validation(name, format!("\"{name}\" must be a UTC day, such as \"2026-06-28\"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn period(start: &str, end: &str) -> Period {
        let time = |text| Timestamp::parse(text).expect("a time");
        Period { start: time(start), end: time(end) }
    }

    #[test]
    fn only_days_from_1970_on_are_days() {
        for text in ["1970-01-01", "2024-02-29", "9999-12-31"] {
            let day = Day::parse(text).expect(text);
            assert_eq!(serde_json::to_value(day).expect("serializes"), text);
        }
        for text in [
            "",
            "2026",
            "2026-6-1",
            "2026-02-29",
            "1969-12-31",
            "2026-06-28T00:00:00Z",
            "today",
            "2026-06-28 ",
            "+2026-06-28",
            "２026-06-28",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_of_a_query_default_to_the_period() {
        let month = period("2026-05-29T09:30:00Z", "2026-06-28T09:30:00Z");
        let midnight = period("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z");
        let year = period("2025-07-01T00:00:01Z", "2026-07-01T00:00:01Z");
        let cases = [
            ("", Some(month), Some(("2026-05-29", "2026-06-28"))),
            ("", Some(midnight), Some(("2026-06-01", "2026-06-30"))),
            ("", Some(year), Some(("2026-03-11", "2026-06-10"))),
            ("", None, Some(("2026-05-12", "2026-06-10"))),
            ("from=2026-06-01", Some(month), Some(("2026-06-01", "2026-06-28"))),
            ("from=2026-01-01", Some(month), Some(("2026-01-01", "2026-04-02"))),
            ("from=2026-08-01", Some(month), Some(("2026-08-01", "2026-08-01"))),
            ("to=2026-06-02", Some(month), Some(("2026-05-29", "2026-06-02"))),
            ("to=2026-01-02", Some(month), Some(("2026-01-02", "2026-01-02"))),
            ("to=2026-12-31", Some(month), Some(("2026-10-01", "2026-12-31"))),
            ("from=2026-06-01&to=2026-06-01", None, Some(("2026-06-01", "2026-06-01"))),
            ("from=2026-01-01&to=2026-04-02", None, Some(("2026-01-01", "2026-04-02"))),
            ("from=2026-01-01&to=2026-04-03", None, None),
            ("from=2026-06-02&to=2026-06-01", Some(month), None),
        ];
        for (query, period, expected) in cases {
            let asked = Asked::of(&Query::parse(query)).expect(query);
            let days = asked.days(period, day("2026-06-10")).ok();
            let expected = expected.map(|(from, to)| Days { from: day(from), to: day(to) });
            assert_eq!(days, expected, "{query} {period:?}");
        }
        for (query, field) in [("from=", "from"), ("to=2026-13-01", "to"), ("from=1&to=2", "from")]
        {
            match Asked::of(&Query::parse(query)) {
                Err(ApiError::Validation { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn days_lie_in_a_period_that_they_touch() {
        let month = period("2026-05-29T09:30:00Z", "2026-06-28T09:30:00Z");
        for (from, to, expected) in [
            ("2026-05-29", "2026-06-28", true),
            ("2026-06-01", "2026-06-02", true),
            ("2026-05-28", "2026-06-02", false),
            ("2026-06-01", "2026-06-29", false),
        ] {
            let days = Days { from: day(from), to: day(to) };
            assert_eq!(days.lie_in(month), expected, "{from} {to}");
        }
    }
}
