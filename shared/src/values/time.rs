//! Dates and times, all in UTC.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Unix seconds, as Stripe sends them, within the range of dates that RFC 3339 can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "i64")]
pub struct Timestamp(OffsetDateTime);

/// Returns the current time of this machine's clock, in milliseconds since 1970.
pub fn now_in_milliseconds() -> i64 {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(now).unwrap_or(i64::MAX)
}

impl Timestamp {
    /// Returns the current time of this machine's clock, to the second.
    pub fn now() -> Self {
        let now = OffsetDateTime::now_utc();
        Self(now.replace_nanosecond(0).unwrap_or(now))
    }

    /// Reads RFC 3339, to the second; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Self::try_from(moment.unix_timestamp()).ok()
    }

    /// Returns the Unix seconds.
    pub fn seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Adds whole days, up to the last time in range.
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days.into())))
    }

    /// Serializes as `2026-06-28T09:30:00Z`.
    pub fn date_time(self) -> DateTime {
        DateTime(self)
    }

    /// Serializes as the calendar day `2026-06-28`.
    pub fn date(self) -> Date {
        Date(self)
    }
}

/// Serializes as Unix seconds, as Stripe and the table write them. Responses use [`DateTime`] and
/// [`Date`].
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.seconds())
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = time::error::ComponentRange;

    fn try_from(seconds: i64) -> Result<Self, Self::Error> {
        OffsetDateTime::from_unix_timestamp(seconds).map(Self)
    }
}

/// A time that serializes as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(Timestamp);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A calendar day in UTC that serializes as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(Timestamp);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = format_description!("[year]-[month]-[day]");
        f.write_str(&self.0.0.format(day).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_dates_are_utc_days() {
        let cases = [
            (1_782_639_000, "2026-06-28T09:30:00Z", "2026-06-28"),
            (1_782_691_199, "2026-06-28T23:59:59Z", "2026-06-28"),
            (1_782_691_200, "2026-06-29T00:00:00Z", "2026-06-29"),
            (0, "1970-01-01T00:00:00Z", "1970-01-01"),
        ];
        for (seconds, at, day) in cases {
            let moment = Timestamp::try_from(seconds).expect("in range");
            assert_eq!(
                serde_json::json!([moment.date_time(), moment.date()]),
                serde_json::json!([at, day])
            );
            assert_eq!(
                (moment.date().to_string().as_str(), Timestamp::parse(at)),
                (day, Some(moment))
            );
        }
    }

    #[test]
    fn time_out_of_range_is_refused() {
        assert!(serde_json::from_str::<Timestamp>("99999999999999").is_err());
        assert!(serde_json::from_str::<Timestamp>("\"soon\"").is_err());
    }
}
