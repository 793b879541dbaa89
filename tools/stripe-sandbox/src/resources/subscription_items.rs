//! `/v1/subscription_items`. Items are changed through their subscription.

use serde_json::Value;

use super::subscription_json::item_to_json;
use crate::endpoint::call::{Call, Endpoint, get, list};
use crate::endpoint::page;
use crate::values::errors::{ApiError, Result};
use crate::world::find_param;

pub const ENDPOINTS: &[Endpoint] = &[
    list("/v1/subscription_items", "subscription", "subscription_item", index),
    get("/v1/subscription_items/{}", "subscription", "subscription_item", retrieve),
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let subscription = call.params.required("subscription")?;
    call.begin()?;
    let sub = find_param(call.world.subscriptions(), &subscription, "subscription")?;
    let data = sub.items.iter().map(|item| item_to_json(call.world, sub, item)).collect();
    page::slice("/v1/subscription_items", data, &cursor, "subscription item")
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let sub = call.world.subscriptions().under(&format!("item={id}")).next();
    let found = sub.and_then(|sub| sub.item(&id).map(|item| item_to_json(call.world, sub, item)));
    found.ok_or_else(|| ApiError::with_status(404, format!("Invalid subscription_item id: {id}")))
}
