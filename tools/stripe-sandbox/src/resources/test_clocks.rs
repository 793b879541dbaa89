//! `/v1/test_helpers/test_clocks`.
//!
//! `advance` responds immediately with `advancing`. The due changes are applied before the next
//! request, so the next poll sees `ready`.

use serde_json::{Value, json};

use super::customers::delete_customer;
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::model::customer::TestClock;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Interval, Timestamp, Unit};
use crate::world::{World, find};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/test_helpers/test_clocks", "test_clock", "test_helpers.test_clock", create),
    list("/v1/test_helpers/test_clocks", "test_clock", "test_helpers.test_clock", index),
    get("/v1/test_helpers/test_clocks/{}", "test_clock", "test_helpers.test_clock", retrieve),
    delete("/v1/test_helpers/test_clocks/{}", "test_clock", "test_helpers.test_clock", remove),
    post(
        "/v1/test_helpers/test_clocks/{}/advance",
        "test_clock",
        "test_helpers.test_clock",
        advance,
    ),
];

const LIFETIME: i64 = 30 * DAY;

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&["customer"])?;
    let frozen_time =
        p.time("frozen_time")?.ok_or_else(|| ApiError::missing_param("frozen_time"))?;
    let name = p.text("name")?;
    call.begin()?;
    let created = call.world.now(None);
    let clock =
        TestClock { id: call.world.ids.id("clock"), name, frozen_time, target: None, created };
    let object = to_json(&clock);
    call.world.test_clocks.put(clock);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    call.begin()?;
    call.list(
        &call.world.test_clocks,
        &["all".into()],
        &cursor,
        |_| true,
        |_, clock| to_json(clock),
    )
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.test_clocks, &call.id()).map(to_json)
}

fn advance(call: &mut Call<'_>) -> Result<Value> {
    let target =
        call.params.time("frozen_time")?.ok_or_else(|| ApiError::missing_param("frozen_time"))?;
    call.begin()?;
    let mut clock = find(&call.world.test_clocks, &call.id())?.clone();
    if target <= clock.frozen_time {
        return Err(ApiError::invalid(
            "The new frozen time must be after the current frozen time of the test clock.",
        )
        .param("frozen_time"));
    }
    let limit = furthest(call.world, &clock);
    if target > limit {
        return Err(ApiError::invalid(format!(
            "You cannot advance the test clock to {target}. You can only advance it up to {limit}: two intervals of its shortest subscription, or two years if there is none."
        ))
        .param("frozen_time"));
    }
    clock.target = Some(target);
    let object = to_json(&clock);
    call.world.test_clocks.put(clock);
    Ok(object)
}

/// Returns how far the clock can advance: two intervals of its shortest subscription, or two years.
fn furthest(world: &World, clock: &TestClock) -> Timestamp {
    let running = world
        .subscriptions()
        .under(&format!("test_clock={}", clock.id))
        .filter(|sub| !sub.status.is_terminal());
    let intervals = running
        .flat_map(|sub| sub.items.iter().map(|item| world.item_context(sub, item).interval()));
    let shortest = intervals.min_by_key(|interval| interval.rank());
    shortest.unwrap_or(Interval { unit: Unit::Year, count: 1 }).boundary(clock.frozen_time, 2)
}

fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    find(&call.world.test_clocks, &id)?;
    let key = format!("test_clock={id}");
    let customers: Vec<String> =
        call.world.customers.under(&key).map(|customer| customer.id.clone()).collect();
    for customer in customers {
        delete_customer(call.world, &customer);
    }
    call.world.test_clocks.remove(&id);
    Ok(json!({ "id": id, "object": "test_helpers.test_clock", "deleted": true }))
}

pub fn to_json(clock: &TestClock) -> Value {
    let details = clock.target.map_or_else(
        || json!({}),
        |target| json!({ "advancing": { "target_frozen_time": target } }),
    );
    json!({
        "id": clock.id,
        "object": "test_helpers.test_clock",
        "created": clock.created,
        "deletes_after": clock.created + LIFETIME,
        "frozen_time": clock.frozen_time,
        "livemode": false,
        "name": clock.name,
        "status": if clock.target.is_some() { "advancing" } else { "ready" },
        "status_details": details,
    })
}
