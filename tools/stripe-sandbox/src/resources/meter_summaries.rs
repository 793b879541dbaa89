//! `/v1/billing/meters/{id}/event_summaries`.

use serde_json::{Value, json};

use super::json::number;
use crate::endpoint::call::{Call, Endpoint, list};
use crate::endpoint::page;
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, HOUR, Timestamp};
use crate::world::{find, find_param};

pub const ENDPOINTS: &[Endpoint] = &[list(
    "/v1/billing/meters/{}/event_summaries",
    "billing_meter",
    "billing.meter_event_summary",
    summaries,
)];

const MINUTE: i64 = 60;

/// Lists one summary for the whole time or, with `value_grouping_window`, for each hour or UTC day
/// that has events, newest first.
fn summaries(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let cursor = call.cursor()?;
    let p = &mut call.params;
    let window = p.choice("value_grouping_window", &[("day", DAY), ("hour", HOUR)])?;
    let customer = p.required("customer")?;
    let start = p.time("start_time")?.ok_or_else(|| ApiError::missing_param("start_time"))?;
    let end = p.time("end_time")?.ok_or_else(|| ApiError::missing_param("end_time"))?;
    check_times(start, end, window)?;
    call.begin()?;
    let meter = find(&call.world.meters, &id)?;
    find_param(&call.world.customers, &customer, "customer")?;
    let usage = &call.world.usage;
    let windows: Vec<(Timestamp, Timestamp)> = match window {
        None => vec![(start, end)],
        Some(length) => {
            let used = usage.windows(&id, &customer, start..end, length);
            used.into_iter().rev().map(|from| (from, from + length)).collect()
        }
    };
    let totals = windows.into_iter().map(|(from, to)| {
        (from, to, usage.total(&id, &customer, meter.aggregation, Unbilled::since(from), to))
    });
    let data = totals.filter(|(_, _, value)| !value.is_zero()).map(|(from, to, value)| {
        json!({
            "id": format!("mtrusg_test_{from}_{to}"),
            "object": "billing.meter_event_summary",
            "aggregated_value": number(value),
            "end_time": to,
            "livemode": false,
            "meter": id,
            "start_time": from,
        })
    });
    page::slice(&call.path, data.collect(), &cursor, "billing meter event summary")
}

/// Refuses an empty time, and times that are not boundaries of the window.
fn check_times(start: Timestamp, end: Timestamp, window: Option<i64>) -> Result<()> {
    let (unit, word) = match window {
        None => (MINUTE, "minute"),
        Some(HOUR) => (HOUR, "hour"),
        Some(_) => (DAY, "UTC day"),
    };
    for (name, at) in [("start_time", start), ("end_time", end)] {
        if at % unit != 0 {
            let message = format!("{name} must be aligned with {word} boundaries.");
            return Err(ApiError::invalid(message).param(name));
        }
    }
    if end <= start {
        return Err(ApiError::invalid("end_time must be after start_time.").param("end_time"));
    }
    Ok(())
}
