//! Moments as an operator writes and reads them.

use shared::respond::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long, as `90d`, `12h` or `30m`, in seconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!("\"{text}\" is no duration; write days, hours or minutes, such as 90d, 12h or 30m")
    };
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return Err(wrong()),
    };
    // A sign would pass as a number.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// The same, or `0`.
pub(crate) fn duration_or_zero(text: &str) -> Result<i64, String> {
    if text == "0" { Ok(0) } else { duration(text) }
}

/// A moment, as `2027-01-31T00:00:00Z`.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| format!("\"{text}\" is no moment; write it as 2027-01-31T00:00:00Z"))
}

/// As people and programs read it: RFC 3339 in UTC.
pub(crate) fn text(moment: Timestamp) -> String {
    let written = OffsetDateTime::from_unix_timestamp(moment.seconds())
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok());
    written.unwrap_or_else(|| moment.seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_days_hours_or_minutes() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("1m", 60)] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
            assert_eq!(duration_or_zero(text), Ok(seconds), "{text}");
        }
        assert!(duration("0").is_err() && duration_or_zero("0") == Ok(0));
        for bad in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "90",
            "90s",
            "1.5d",
            "9é",
            "99999999999999999999d",
            "999999999999999d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_read_back_as_written_and_are_shown_in_utc() {
        assert_eq!(
            parse("2027-01-31T02:00:00+02:00").map(text),
            Ok("2027-01-31T00:00:00Z".to_owned())
        );
        for bad in ["", "tomorrow", "2027-01-31", "2027-02-30T00:00:00Z"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
