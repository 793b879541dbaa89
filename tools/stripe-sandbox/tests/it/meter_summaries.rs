//! Event summaries of meters, grouped by hour or day.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, id};

const DAY: OffsetDateTime = datetime!(2027-04-10 00:00 UTC);

struct Metered {
    api: Api,
    path: String,
    customer: String,
}

fn stamp(hour: i64) -> String {
    (DAY.unix_timestamp() + hour * 3_600).to_string()
}

/// Returns a meter with events at 01:10, 01:50, 03:00 and 30:00 hours.
fn metered(formula: &str) -> Metered {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-12 00:00 UTC));
    let customer = api.customer(&clock, None, &[]);
    let form = [
        ("display_name", "Calls"),
        ("event_name", "calls"),
        ("default_aggregation[formula]", formula),
    ];
    let meter = id(&api.post("/v1/billing/meters", &form));
    for (minutes, value) in [(70, "1"), (110, "2"), (180, "4"), (1_800, "8")] {
        let at = (DAY.unix_timestamp() + minutes * 60).to_string();
        let form = [
            ("event_name", "calls"),
            ("timestamp", at.as_str()),
            ("payload[stripe_customer_id]", &customer),
            ("payload[value]", value),
        ];
        api.post("/v1/billing/meter_events", &form);
    }
    Metered { api, path: format!("/v1/billing/meters/{meter}/event_summaries"), customer }
}

impl Metered {
    fn form<'a>(&'a self, start: &'a str, end: &'a str, more: Form<'a>) -> Vec<(&'a str, &'a str)> {
        let form = [("customer", self.customer.as_str()), ("start_time", start), ("end_time", end)];
        [&form, more].concat()
    }

    /// Returns first and last hour and the value of each summary.
    fn listed(&self, hours: (i64, i64), more: Form<'_>) -> Vec<(i64, i64, i64)> {
        let (start, end) = (stamp(hours.0), stamp(hours.1));
        let list = self.api.get(&self.path, &self.form(&start, &end, more));
        let hour = |at: &Value| (at.as_i64().unwrap() - DAY.unix_timestamp()) / 3_600;
        let entries = list["data"].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let value = entry["aggregated_value"].as_i64().unwrap();
                (hour(&entry["start_time"]), hour(&entry["end_time"]), value)
            })
            .collect()
    }
}

#[test]
fn summaries_are_grouped_by_hour_or_day() {
    let hour = ("value_grouping_window", "hour");
    let day = ("value_grouping_window", "day");
    for (formula, form, expected) in [
        ("sum", &[][..], &[(0, 48, 15)][..]),
        ("sum", &[day], &[(24, 48, 8), (0, 24, 7)]),
        ("sum", &[hour], &[(30, 31, 8), (3, 4, 4), (1, 2, 3)]),
        ("count", &[hour], &[(30, 31, 1), (3, 4, 1), (1, 2, 2)]),
        ("last", &[day], &[(24, 48, 8), (0, 24, 4)]),
        ("sum", &[hour, ("limit", "1")], &[(30, 31, 8)]),
    ] {
        assert_eq!(metered(formula).listed((0, 48), form), expected, "{formula} {form:?}");
    }
    let it = metered("sum");
    assert_eq!(it.listed((2, 4), &[hour]), [(3, 4, 4)], "only within the time");
    let (start, end) = (stamp(0), stamp(48));
    let first = it.api.get(&it.path, &it.form(&start, &end, &[hour, ("limit", "1")]));
    assert_eq!(first["has_more"], true);
    let last = id(&first["data"][0]);
    assert_eq!(it.listed((0, 48), &[hour, ("starting_after", &last)]), [(3, 4, 4), (1, 2, 3)]);
    assert_eq!(
        first["data"][0],
        json!({
            "id": last,
            "object": "billing.meter_event_summary",
            "aggregated_value": 8,
            "end_time": DAY.unix_timestamp() + 31 * 3_600,
            "livemode": false,
            "meter": it.path.split('/').nth(4),
            "start_time": DAY.unix_timestamp() + 30 * 3_600,
        })
    );
}

#[test]
fn times_must_be_boundaries_of_the_window() {
    let it = metered("sum");
    let midnight = DAY.unix_timestamp();
    for (start, end, window, param, message) in [
        (30, 3_600, None, "start_time", "start_time must be aligned with minute boundaries."),
        (0, 90, None, "end_time", "end_time must be aligned with minute boundaries."),
        (60, 7_200, Some("hour"), "start_time", "start_time must be aligned with hour boundaries."),
        (0, 5_400, Some("hour"), "end_time", "end_time must be aligned with hour boundaries."),
        (
            3_600,
            86_400,
            Some("day"),
            "start_time",
            "start_time must be aligned with UTC day boundaries.",
        ),
        (0, 90_000, Some("day"), "end_time", "end_time must be aligned with UTC day boundaries."),
        (3_600, 3_600, None, "end_time", "end_time must be after start_time."),
        (
            0,
            3_600,
            Some("week"),
            "value_grouping_window",
            "Invalid value_grouping_window: must be one of day or hour",
        ),
    ] {
        let (start, end) = ((midnight + start).to_string(), (midnight + end).to_string());
        let more: Vec<(&str, &str)> =
            window.map(|window| ("value_grouping_window", window)).into_iter().collect();
        let refusal = it.api.refused(400, "GET", &it.path, &it.form(&start, &end, &more));
        assert_eq!(
            (refusal.message(), &refusal.json["error"]["param"]),
            (message, &json!(param)),
            "{window:?}"
        );
    }
}
