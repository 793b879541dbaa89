//! `/v1/billing/meters`.

use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::model::catalog::{Aggregation, Meter};
use crate::values::errors::{ApiError, Result};
use crate::world::find;

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/billing/meters", "billing_meter", "billing.meter", create),
    list("/v1/billing/meters", "billing_meter", "billing.meter", index),
    get("/v1/billing/meters/{}", "billing_meter", "billing.meter", retrieve),
    post("/v1/billing/meters/{}", "billing_meter", "billing.meter", update),
    post("/v1/billing/meters/{}/deactivate", "billing_meter", "billing.meter", deactivate),
    post("/v1/billing/meters/{}/reactivate", "billing_meter", "billing.meter", reactivate),
];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&["event_time_window"])?;
    let (display_name, event_name) = (p.required("display_name")?, p.required("event_name")?);
    let aggregation = p
        .hash("default_aggregation", |inner| {
            inner
                .choice("formula", Aggregation::NAMES)?
                .ok_or_else(|| ApiError::missing_param("default_aggregation[formula]"))
        })?
        .ok_or_else(|| ApiError::missing_param("default_aggregation"))?;
    let customer_key = p.hash("customer_mapping", |inner| {
        inner
            .choice("type", &[("by_id", ())])?
            .ok_or_else(|| ApiError::missing_param("customer_mapping[type]"))?;
        inner.required("event_payload_key")
    })?;
    let value_key = p.hash("value_settings", |inner| inner.required("event_payload_key"))?;
    call.begin()?;
    if call.world.meters.under(&format!("event_name={event_name}")).next().is_some() {
        return Err(ApiError::invalid(format!(
            "There is already an active meter with the event name '{event_name}'."
        ))
        .code("resource_already_exists")
        .param("event_name"));
    }
    let now = call.world.now(None);
    let meter = Meter {
        id: call.world.ids.id("mtr_test"),
        display_name,
        event_name,
        aggregation,
        customer_key: customer_key.unwrap_or_else(|| "stripe_customer_id".to_owned()),
        value_key: value_key.unwrap_or_else(|| "value".to_owned()),
        active: true,
        created: now,
        updated: now,
        deactivated_at: None,
    };
    let object = to_json(&meter);
    call.world.meters.put(meter);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let active = call.params.choice("status", &[("active", true), ("inactive", false)])?;
    call.begin()?;
    let key = active.map_or_else(|| "all".to_owned(), |active| format!("active={active}"));
    call.list(&call.world.meters, &[key], &cursor, |_| true, |_, meter| to_json(meter))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.meters, &call.id()).map(to_json)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let name = call.params.text("display_name")?;
    edit(call, |meter, _| meter.display_name = name.unwrap_or_else(|| meter.display_name.clone()))
}

fn deactivate(call: &mut Call<'_>) -> Result<Value> {
    edit(call, |meter, now| {
        meter.active = false;
        meter.deactivated_at = Some(now);
    })
}

fn reactivate(call: &mut Call<'_>) -> Result<Value> {
    edit(call, |meter, _| {
        meter.active = true;
        meter.deactivated_at = None;
    })
}

fn edit(call: &mut Call<'_>, change: impl FnOnce(&mut Meter, i64)) -> Result<Value> {
    call.begin()?;
    let now = call.world.now(None);
    let mut meter = find(&call.world.meters, &call.id())?.clone();
    change(&mut meter, now);
    meter.updated = now;
    let object = to_json(&meter);
    call.world.meters.put(meter);
    Ok(object)
}

pub fn to_json(meter: &Meter) -> Value {
    json!({
        "id": meter.id,
        "object": "billing.meter",
        "created": meter.created,
        "customer_mapping": { "event_payload_key": meter.customer_key, "type": "by_id" },
        "default_aggregation": { "formula": meter.aggregation.as_str() },
        "display_name": meter.display_name,
        "event_name": meter.event_name,
        "event_time_window": null,
        "livemode": false,
        "status": if meter.active { "active" } else { "inactive" },
        "status_transitions": { "deactivated_at": meter.deactivated_at },
        "updated": meter.updated,
        "value_settings": { "event_payload_key": meter.value_key },
    })
}
