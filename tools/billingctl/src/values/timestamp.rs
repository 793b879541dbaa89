//! Timestamps on the command line and in results: RFC 3339.

use shared::values::Timestamp;

/// Parses a timestamp such as `2027-01-31T00:00:00Z`.
///
/// # Errors
/// A message for clap that shows the format.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| {
        format!(
            "\"{text}\" is not a timestamp; write it in RFC 3339, for example 2027-01-31T00:00:00Z"
        )
    })
}

/// Returns the timestamp in RFC 3339, in UTC.
pub(crate) fn format(timestamp: Timestamp) -> String {
    timestamp.date_time().to_string()
}

/// Returns the day of a formatted timestamp, for columns.
pub(crate) fn day(timestamp: &str) -> String {
    timestamp.split('T').next().unwrap_or(timestamp).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_with_an_offset_is_formatted_in_utc() {
        assert_eq!(
            parse("2027-01-31T02:00:00+02:00").map(format),
            Ok("2027-01-31T00:00:00Z".to_owned())
        );
        for invalid in ["", "tomorrow", "2027-01-31", "2027-02-30T00:00:00Z"] {
            assert!(parse(invalid).is_err(), "{invalid}");
        }
    }
}
