//! The summaries of a meter that are read, and the quantities of days in them. No I/O.
//!
//! Stripe summarizes whole minutes as one quantity, and UTC days as one each:
//! <https://docs.stripe.com/api/billing/meter-event-summary/list>.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::Timestamp;
use shared::stripe::views::MeterSummary;

use crate::days::Day;

/// Length of a minute in seconds.
const MINUTE: i64 = 60;

/// Number of decimals of a meter event's value at most. Stripe adds floating-point numbers, whose error is smaller.
const DECIMALS: u32 = 12;

/// A request for summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub times: (Timestamp, Timestamp),
    /// Whether each day is a summary.
    pub by_day: bool,
}

/// Returns the requests for the usage from `from` until before the day `until`. If `from` lies within a day, one request
/// is about the rest of that day, from the next whole minute on.
pub fn readings(from: Timestamp, until: Day) -> Vec<Reading> {
    let minute = from.seconds().div_euclid(MINUTE) * MINUTE;
    let minute = if minute == from.seconds() { minute } else { minute + MINUTE };
    let from = Timestamp::try_from(minute).unwrap_or(from);
    let first = Day::of(from);
    let whole = if first.start() == from { first } else { first.next() };
    let rest = (first != whole).then(|| (from, whole.start())).filter(|_| whole <= until);
    let days = (whole < until).then(|| (whole.start(), until.start()));
    let reading = |by_day| move |times| Reading { times, by_day };
    rest.map(reading(false)).into_iter().chain(days.map(reading(true))).collect()
}

/// Returns the quantities by day.
pub fn by_day<'a>(summaries: impl IntoIterator<Item = &'a MeterSummary>) -> BTreeMap<Day, Decimal> {
    let mut days = BTreeMap::new();
    for summary in summaries {
        let quantity = summary.aggregated_value.round_dp(DECIMALS);
        let sum: &mut Decimal = days.entry(Day::of(summary.start_time)).or_default();
        *sum = sum.saturating_add(quantity);
    }
    days
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-06-{text}Z")).expect("a time")
    }

    #[test]
    fn first_day_is_read_from_its_minute_on_and_others_whole() {
        let until = Day::parse("2026-06-03").expect("a day");
        // start → requests
        let cases = [
            ("01T00:00:00", vec![("01T00:00:00", "03T00:00:00", true)]),
            (
                "01T09:30:00",
                vec![("01T09:30:00", "02T00:00:00", false), ("02T00:00:00", "03T00:00:00", true)],
            ),
            (
                "01T09:30:01",
                vec![("01T09:31:00", "02T00:00:00", false), ("02T00:00:00", "03T00:00:00", true)],
            ),
            ("01T23:59:01", vec![("02T00:00:00", "03T00:00:00", true)]),
            ("02T09:30:00", vec![("02T09:30:00", "03T00:00:00", false)]),
            ("03T00:00:00", vec![]),
            ("03T09:30:00", vec![]),
            ("04T00:00:00", vec![]),
        ];
        for (from, expected) in cases {
            let expected: Vec<Reading> = expected
                .into_iter()
                .map(|(from, to, by_day)| Reading { times: (time(from), time(to)), by_day })
                .collect();
            assert_eq!(readings(time(from), until), expected, "{from}");
        }
    }

    #[test]
    fn quantities_are_those_of_days_without_the_error_of_floats() {
        let summary = |start: &str, value: serde_json::Value| -> MeterSummary {
            let start = time(start).seconds();
            view(
                json!({ "id": "mtrusg_1", "aggregated_value": value, "start_time": start, "end_time": start + 60 }),
            )
        };
        let summaries = [
            summary("02T00:00:00", json!(0.300_000_000_000_000_04)),
            summary("01T09:31:00", json!(7)),
            summary("01T00:00:00", json!("1.5")),
        ];
        let days = by_day(&summaries);
        let days: Vec<_> = days
            .iter()
            .map(|(day, quantity)| (json!(day), quantity.normalize().to_string()))
            .collect();
        assert_eq!(
            days,
            [(json!("2026-06-01"), "8.5".to_owned()), (json!("2026-06-02"), "0.3".to_owned())]
        );
    }
}
