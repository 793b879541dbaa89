//! `/v1/billing/meter_events`.
//!
//! Stripe counts events asynchronously, so it accepts events with an unknown meter or customer. The
//! sandbox accepts them as well, but counts immediately.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, post};
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};

pub const ENDPOINTS: &[Endpoint] =
    &[post("/v1/billing/meter_events", "billing_meter_event", "billing.meter_event", create)];

const MINUTE: i64 = 60;
/// Maximum value of one event.
const MAX_VALUE: i64 = 1_000_000_000_000_000;

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let event_name = p.required("event_name")?;
    let names = p.names_in("payload");
    let payload = p
        .hash("payload", |inner| {
            names
                .iter()
                .map(|name| Ok((name.clone(), inner.required(name)?)))
                .collect::<Result<BTreeMap<_, _>>>()
        })?
        .ok_or_else(|| ApiError::missing_param("payload"))?;
    let identifier = p.text("identifier")?;
    let timestamp = p.time("timestamp")?;
    call.begin()?;
    let meter = call.world.meters.under(&format!("event_name={event_name}")).next().cloned();
    let customer = meter.as_ref().and_then(|meter| payload.get(&meter.customer_key)).cloned();
    let now = customer.as_ref().map_or_else(|| call.world.now(None), |id| call.world.now_of(id));
    let at = timestamp.unwrap_or(now);
    check_time(at, now)?;
    let identifier = identifier.unwrap_or_else(|| call.world.ids.id("mev"));
    if !call.world.usage.claim(&identifier, now) {
        return Err(ApiError::invalid(format!(
            "An event already exists with identifier {identifier}."
        ))
        .code("duplicate_meter_event")
        .param("identifier"));
    }
    if let (Some(meter), Some(customer)) =
        (meter, customer.filter(|id| call.world.customers.get(id).is_some()))
    {
        let value = match payload.get(&meter.value_key) {
            Some(text) => parse_value(text)?,
            None => Decimal::ONE,
        };
        call.world.usage.add(&meter.id, &customer, at, value);
    }
    Ok(json!({
        "object": "billing.meter_event",
        "created": now,
        "event_name": event_name,
        "identifier": identifier,
        "livemode": false,
        "payload": payload,
        "timestamp": at,
    }))
}

fn check_time(at: Timestamp, now: Timestamp) -> Result<()> {
    if at < now - 35 * DAY {
        return Err(ApiError::invalid("The timestamp must be within the past 35 calendar days.")
            .code("timestamp_too_far_in_past")
            .param("timestamp"));
    }
    if at > now + 5 * MINUTE {
        return Err(ApiError::invalid(
            "The timestamp must be no more than 5 minutes in the future.",
        )
        .code("timestamp_in_future")
        .param("timestamp"));
    }
    Ok(())
}

fn parse_value(text: &str) -> Result<Decimal> {
    let value: Option<Decimal> = text.parse().ok();
    value.filter(|value| value.abs() <= Decimal::from(MAX_VALUE)).ok_or_else(|| {
        ApiError::invalid(format!("The value of the meter event must be a number: {text}"))
            .param("payload")
    })
}
