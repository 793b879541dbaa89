//! Moments and days, both UTC.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Seconds since 1970 in UTC, as Stripe gives them, known to be a date that can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "i64")]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// The present by this machine's clock, to the second.
    #[must_use]
    pub fn now() -> Self {
        let now = OffsetDateTime::now_utc();
        Self(now.replace_nanosecond(0).unwrap_or(now))
    }

    /// A moment as RFC 3339 has it, to the second.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Self::try_from(moment.unix_timestamp()).ok()
    }

    /// Unix seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// This moment and some whole days; the last writable moment where that is out of range.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days.into())))
    }

    /// As a moment: `2026-06-28T09:30:00Z`.
    #[must_use]
    pub fn at(self) -> At {
        At(self)
    }

    /// As a calendar day: `2026-06-28`.
    #[must_use]
    pub fn day(self) -> Day {
        Day(self)
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = time::error::ComponentRange;

    fn try_from(seconds: i64) -> Result<Self, Self::Error> {
        OffsetDateTime::from_unix_timestamp(seconds).map(Self)
    }
}

/// A moment, serialised as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.0.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

/// A calendar day in UTC, serialised as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(Timestamp);

impl Day {
    fn text(self) -> Result<String, time::error::Format> {
        self.0.0.format(format_description!("[year]-[month]-[day]"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text().map_err(serde::ser::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_and_days_are_utc_days() {
        let cases = [
            (1_782_639_000, "2026-06-28T09:30:00Z", "2026-06-28"),
            (1_782_691_199, "2026-06-28T23:59:59Z", "2026-06-28"),
            (1_782_691_200, "2026-06-29T00:00:00Z", "2026-06-29"),
            (0, "1970-01-01T00:00:00Z", "1970-01-01"),
        ];
        for (seconds, at, day) in cases {
            let moment = Timestamp::try_from(seconds).expect("in range");
            assert_eq!(
                serde_json::json!([moment.at(), moment.day()]),
                serde_json::json!([at, day])
            );
            assert_eq!(
                (moment.day().to_string().as_str(), Timestamp::parse(at)),
                (day, Some(moment))
            );
        }
    }

    #[test]
    fn a_moment_that_no_calendar_holds_is_refused() {
        assert!(serde_json::from_str::<Timestamp>("99999999999999").is_err());
        assert!(serde_json::from_str::<Timestamp>("\"soon\"").is_err());
    }
}
