//! `/v1/subscriptions`.

use serde_json::Value;

use super::subscription_create::create;
use super::subscription_json::to_json;
use super::subscription_pause::{pause, resume};
use super::subscription_update::{cancellation_details, update};
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::lifecycle::end;
use crate::model::subscription::{Collection, Status, Subscription};
use crate::values::errors::Result;
use crate::world::{check_filter, find, find_running};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/subscriptions", "subscription", "subscription", create),
    list("/v1/subscriptions", "subscription", "subscription", index),
    get("/v1/subscriptions/{}", "subscription", "subscription", retrieve),
    post("/v1/subscriptions/{}", "subscription", "subscription", update),
    delete("/v1/subscriptions/{}", "subscription", "subscription", cancel),
    post("/v1/subscriptions/{}/pause", "subscription", "subscription", pause),
    post("/v1/subscriptions/{}/resume", "subscription", "subscription", resume),
];

/// Values of the `status` filter, in the order of Stripe's error message. By default the list omits canceled subscriptions.
const FILTERS: &[(&str, &[Status])] = &[
    ("active", &[Status::Active]),
    ("past_due", &[Status::PastDue]),
    ("unpaid", &[Status::Unpaid]),
    ("canceled", &[Status::Canceled]),
    ("incomplete", &[Status::Incomplete]),
    ("incomplete_expired", &[Status::IncompleteExpired]),
    ("trialing", &[Status::Trialing]),
    ("paused", &[Status::Paused]),
    ("all", EVERY),
    ("ended", &[Status::Canceled, Status::IncompleteExpired]),
];

const EVERY: &[Status] = &[
    Status::Active,
    Status::Canceled,
    Status::Incomplete,
    Status::IncompleteExpired,
    Status::PastDue,
    Status::Paused,
    Status::Trialing,
    Status::Unpaid,
];

const NOT_CANCELED: &[Status] = &[
    Status::Active,
    Status::Incomplete,
    Status::IncompleteExpired,
    Status::PastDue,
    Status::Paused,
    Status::Trialing,
    Status::Unpaid,
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    p.not_imitated(&["automatic_tax", "customer_account", "plan"])?;
    let statuses = p.choice("status", FILTERS)?.unwrap_or(NOT_CANCELED);
    let (customer, clock, price) = (p.text("customer")?, p.text("test_clock")?, p.text("price")?);
    let collection = p.choice("collection_method", Collection::NAMES)?;
    let (starts, ends) = (p.range("current_period_start")?, p.range("current_period_end")?);
    call.begin()?;
    check_filter(&call.world.customers, customer.as_deref(), "customer")?;
    check_filter(&call.world.test_clocks, clock.as_deref(), "test_clock")?;
    check_filter(&call.world.prices, price.as_deref(), "price")?;
    let keys: Vec<String> = match (&customer, &clock) {
        (Some(customer), _) => statuses
            .iter()
            .map(|status| format!("customer={customer}&status={}", status.as_str()))
            .collect(),
        (None, Some(clock)) => vec![format!("test_clock={clock}")],
        (None, None) => {
            statuses.iter().map(|status| format!("status={}", status.as_str())).collect()
        }
    };
    let keep = |sub: &Subscription| {
        statuses.contains(&sub.status)
            && created.holds(sub.created)
            && clock.as_ref().is_none_or(|clock| sub.test_clock.as_ref() == Some(clock))
            && collection.is_none_or(|collection| sub.collection == collection)
            && price.as_ref().is_none_or(|price| sub.items.iter().any(|item| item.price == *price))
            && sub.items.iter().any(|item| starts.holds(item.period.0) && ends.holds(item.period.1))
    };
    call.list(call.world.subscriptions(), &keys, &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(call.world.subscriptions(), &call.id()).map(|sub| to_json(call.world, sub))
}

fn cancel(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    let (invoice_now, prorate) =
        (p.boolean("invoice_now")?.unwrap_or(false), p.boolean("prorate")?.unwrap_or(false));
    let (feedback, comment) = cancellation_details(p)?;
    call.begin()?;
    let world = &mut *call.world;
    let mut sub = find_running(world, &id)?.clone();
    let now = world.now_of(&sub.customer);
    sub.cancellation.feedback = feedback.unwrap_or(sub.cancellation.feedback);
    sub.cancellation.comment = comment.unwrap_or(sub.cancellation.comment);
    end::cancel_by_request(world, sub, invoice_now, prorate, now);
    Ok(to_json(world, &world.subscription(&id)))
}
