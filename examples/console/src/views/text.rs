//! Amounts, quantities and times as text.

use maud::{Markup, html};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const LONG_DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year]");
const LONG_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");

/// Shows an amount as the API gives it, with its currency.
pub fn money(amount: &str, currency: &str) -> String {
    format!("{amount} {currency}")
}

/// Whether a decimal string is zero.
pub fn is_zero(amount: &str) -> bool {
    amount.chars().all(|digit| matches!(digit, '0' | '.' | '-'))
}

/// Shows a quantity with commas between thousands.
pub fn quantity(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').map_or((decimal, None), |(a, b)| (a, Some(b)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    fraction.map_or(text.clone(), |fraction| format!("{text}.{fraction}"))
}

pub fn day(text: &str) -> Option<Date> {
    Date::parse(text, DAY).ok()
}

/// Shows a calendar day such as `2026-06-28` as "28 Jun 2026".
pub fn date(text: &str) -> Markup {
    let shown = day(text).and_then(|day| day.format(LONG_DAY).ok());
    html! { time datetime=(text) { (shown.as_deref().unwrap_or(text)) } }
}

/// Shows an RFC 3339 time as "28 Jun 2026, 09:30 UTC".
pub fn moment(text: &str) -> Markup {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok();
    let shown = parsed.and_then(|at| at.format(LONG_TIME).ok());
    html! { time datetime=(text) { (shown.as_deref().unwrap_or(text)) } }
}

/// Shows a Unix time in the same form.
pub fn unix_time(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok();
    at.and_then(|at| at.format(LONG_TIME).ok()).unwrap_or_else(|| seconds.to_string())
}

/// Shows a code such as `past_due` as "past due".
pub fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// Shows a code such as `past_due` as "Past due".
pub fn sentence(code: &str) -> String {
    let text = words(code);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_commas_between_thousands() {
        for (decimal, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.5", "-1,234,567.5"),
            ("100000", "100,000"),
        ] {
            assert_eq!(quantity(decimal), expected);
        }
    }

    #[test]
    fn zero_amounts_are_recognized_in_every_currency() {
        for (amount, zero) in
            [("0.00", true), ("0", true), ("0.000", true), ("-0.01", false), ("10", false)]
        {
            assert_eq!(is_zero(amount), zero, "{amount}");
        }
    }

    #[test]
    fn times_are_shown_in_words_and_kept_for_programs() {
        let shown = moment("2026-06-08T09:30:00Z").into_string();
        assert_eq!(shown, r#"<time datetime="2026-06-08T09:30:00Z">8 Jun 2026, 09:30 UTC</time>"#);
        assert!(date("2026-06-28").into_string().contains(">28 Jun 2026<"));
        assert!(date("soon").into_string().contains(">soon<"));
        assert_eq!(unix_time(0), "1 Jan 1970, 00:00 UTC");
    }

    #[test]
    fn codes_become_words() {
        assert_eq!(sentence("past_due"), "Past due");
        assert_eq!(sentence(""), "");
    }
}
