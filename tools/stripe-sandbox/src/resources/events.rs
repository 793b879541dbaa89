//! `/v1/events`.

use serde_json::{Value, json};

use super::event_derive::settle;
use crate::config::API_VERSION;
use crate::endpoint::call::{Call, Endpoint, get, list};
use crate::endpoint::params::Params;
use crate::model::event::{Event, RETENTION, fits};
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find};

pub const ENDPOINTS: &[Endpoint] = &[
    list("/v1/events", "event", "event", index),
    get("/v1/events/{}", "event", "event", retrieve),
];

const MAX_TYPES: usize = 20;

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let patterns = read_types(&mut call.params)?;
    // There are no webhooks, so there is nothing undelivered.
    let delivered = call.params.boolean("delivery_success")?.unwrap_or(true);
    call.begin()?;
    settle(call.world);
    let world = &*call.world;
    let keep = |event: &Event| {
        delivered
            && created.holds(event.created)
            && patterns.iter().any(|pattern| fits(&event.name, pattern))
            && is_listed(world, event)
    };
    call.list(&world.events, &["all".to_owned()], &cursor, keep, |_, event| to_json(event))
}

/// Reads `type`, in which `*` is a wildcard, and `types`.
fn read_types(p: &mut Params) -> Result<Vec<String>> {
    let (one, many) = (p.text("type")?, p.strings("types")?);
    let refuse = |message: &str| Err(ApiError::invalid(message).param("types"));
    match (one, many) {
        (Some(_), Some(_)) => {
            Err(ApiError::invalid("You may only specify one of these parameters: type, types.")
                .code("parameters_exclusive"))
        }
        (None, Some(names)) if names.len() > MAX_TYPES => {
            refuse("You can only filter by up to 20 event types.")
        }
        (None, Some(names)) if names.iter().any(|name| name.contains('*')) => {
            refuse("`types` accepts complete event types only. Use `type` for a wildcard.")
        }
        (None, Some(names)) if !names.is_empty() => Ok(names),
        (one, _) => Ok(vec![one.unwrap_or_else(|| "*".to_owned())]),
    }
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    settle(call.world);
    let id = call.id();
    find(&call.world.events, &id)
        .ok()
        .filter(|event| is_listed(call.world, event))
        .map(to_json)
        .ok_or_else(|| ApiError::no_such("event", &id))
}

/// Returns whether the event is within the retention and no event fault hides it.
fn is_listed(world: &World, event: &Event) -> bool {
    let now = world.now(None);
    event.listed_at <= now && event.created >= now - RETENTION
}

fn to_json(event: &Event) -> Value {
    let data: Value = serde_json::from_str(&event.data).expect("it was written as JSON");
    json!({
        "id": event.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": event.created,
        "data": data,
        "livemode": false,
        "pending_webhooks": 0,
        "request": {
            "id": event.cause.request,
            "idempotency_key": event.cause.idempotency_key,
        },
        "type": event.name,
    })
}
