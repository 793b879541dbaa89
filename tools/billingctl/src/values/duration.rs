//! Durations on the command line, such as `90d`, `12h` or `30m`.

/// Parses a duration of at least one minute into seconds.
///
/// # Errors
/// A message for clap that names the accepted units.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || {
        format!(
            "\"{text}\" is not a duration; write days, hours or minutes, for example 90d, 12h or 30m"
        )
    };
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(invalid)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return Err(invalid()),
    };
    // i64's parser accepts a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let number: i64 = number.parse().map_err(|_| invalid())?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(invalid)
}

/// Parses a duration like [`parse`], or `0`.
///
/// # Errors
/// As for [`parse`].
pub(crate) fn parse_or_zero(text: &str) -> Result<i64, String> {
    if text == "0" { Ok(0) } else { parse(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_positive_number_of_days_hours_or_minutes() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("1m", 60)] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
            assert_eq!(parse_or_zero(text), Ok(seconds), "{text}");
        }
        assert!(parse("0").is_err() && parse_or_zero("0") == Ok(0));
        for invalid in [
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
            assert!(parse(invalid).is_err(), "{invalid}");
        }
    }
}
