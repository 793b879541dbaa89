//! `/v1/subscription_schedules`.

use serde_json::Value;

use super::schedule_phases::{Base, Moment, PhaseDates, PhaseParams, currency_of, resolve_phases};
use super::subscription_params as shared;
use super::subscription_schedule_json::to_json;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::lifecycle::schedule::{self, Change};
use crate::lifecycle::schedule_start::{self, NewSchedule};
use crate::model::Metadata;
use crate::model::schedule::{EndBehavior, Schedule, Status};
use crate::model::subscription::ProrationBehavior;
use crate::values::errors::{ApiError, Result};
use crate::world::{World, check_filter, find, find_live_customer_param, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/subscription_schedules", "subscription", "subscription_schedule", create),
    list("/v1/subscription_schedules", "subscription", "subscription_schedule", index),
    get("/v1/subscription_schedules/{}", "subscription", "subscription_schedule", retrieve),
    post("/v1/subscription_schedules/{}", "subscription", "subscription_schedule", update),
    post("/v1/subscription_schedules/{}/cancel", "subscription", "subscription_schedule", cancel),
    post("/v1/subscription_schedules/{}/release", "subscription", "subscription_schedule", release),
];

/// Parameters that Stripe has and the sandbox does not implement.
const NOT_IMITATED: &[&str] = &["default_settings", "pause_schedules"];
const NOT_WITH_FROM_SUBSCRIPTION: &[&str] = &[
    "billing_mode",
    "customer",
    "customer_account",
    "default_settings",
    "end_behavior",
    "pause_schedules",
    "phases",
    "start_date",
];
fn response(world: &World, id: &str) -> Result<Value> {
    find(world.schedules(), id).map(|schedule| to_json(world, schedule))
}

/// Creates a schedule from a subscription, or one that creates its subscription at `start_date`.
fn create(call: &mut Call<'_>) -> Result<Value> {
    let id = if call.params.has("from_subscription") {
        create_from_subscription(call)?
    } else {
        create_with_phases(call)?
    };
    response(call.world, &id)
}

/// Creates a schedule from a subscription. Like Stripe, refuses most other parameters then.
fn create_from_subscription(call: &mut Call<'_>) -> Result<String> {
    let p = &mut call.params;
    let sub = p.required("from_subscription")?;
    if let Some(name) = NOT_WITH_FROM_SUBSCRIPTION.iter().find(|name| p.has(name)) {
        return Err(ApiError::invalid(format!(
            "You cannot set `{name}` if `from_subscription` is set."
        ))
        .param(name));
    }
    let metadata = p.metadata()?;
    call.begin()?;
    find_param(call.world.subscriptions(), &sub, "from_subscription")?;
    let id = schedule::from_subscription(call.world, &sub)?;
    if let Some(metadata) = metadata {
        let mut made = find(call.world.schedules(), &id)?.clone();
        metadata.apply(&mut made.metadata);
        call.world.put_schedule(made);
    }
    Ok(id)
}

fn create_with_phases(call: &mut Call<'_>) -> Result<String> {
    let p = &mut call.params;
    p.not_imitated(NOT_IMITATED)?;
    p.not_imitated(&["customer_account"])?;
    let customer = p.required("customer")?;
    let start =
        Moment::read(p, "start_date")?.ok_or_else(|| ApiError::missing_param("start_date"))?;
    let drafts = p
        .list("phases", |phase| PhaseParams::read(phase, PhaseDates::End))?
        .filter(|drafts| !drafts.is_empty())
        .ok_or_else(|| ApiError::missing_param("phases"))?;
    let end_behavior =
        p.choice("end_behavior", EndBehavior::NAMES)?.unwrap_or(EndBehavior::Release);
    let mode = shared::billing_mode(p)?;
    let mut metadata = Metadata::new();
    if let Some(change) = p.metadata()? {
        change.apply(&mut metadata);
    }
    call.begin()?;
    let world = &mut *call.world;
    find_live_customer_param(world, &customer, "customer")?;
    let now = world.now_of(&customer);
    let start = start.at(now);
    if start < now {
        return Err(ApiError::not_imitated("start_date (in the past)"));
    }
    let currency = currency_of(world, &customer, &drafts)?;
    let phases = resolve_phases(world, &Base::new(currency, start, now), drafts)?;
    schedule::check_order(&phases)?;
    let new = NewSchedule { customer, currency, mode, end_behavior, phases, metadata };
    schedule_start::create(world, new)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    p.not_imitated(&["customer_account"])?;
    let customer = p.text("customer")?;
    let not_started = p.boolean("scheduled")?.unwrap_or(false);
    let ranges = [p.range("canceled_at")?, p.range("completed_at")?, p.range("released_at")?];
    call.begin()?;
    check_filter(&call.world.customers, customer.as_deref(), "customer")?;
    let key = customer.map_or_else(|| "all".to_owned(), |id| format!("customer={id}"));
    let keep = |schedule: &Schedule| {
        let moments = [schedule.canceled_at, schedule.completed_at, schedule.released_at];
        created.holds(schedule.created)
            && (!not_started || schedule.status == Status::NotStarted)
            && ranges.iter().zip(moments).all(|(range, at)| {
                (range.from.is_none() && range.to.is_none()) || at.is_some_and(|at| range.holds(at))
            })
    };
    call.list(call.world.schedules(), &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    response(call.world, &call.id())
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    p.not_imitated(NOT_IMITATED)?;
    let phases = p.list("phases", |phase| PhaseParams::read(phase, PhaseDates::StartAndEnd))?;
    let end_behavior = p.choice("end_behavior", EndBehavior::NAMES)?;
    let metadata = p.metadata()?;
    let behavior = shared::proration_behavior(p)?.unwrap_or(ProrationBehavior::CreateProrations);
    call.begin()?;
    let schedule = find(call.world.schedules(), &id)?.clone();
    let base = Base::of(call.world, &schedule);
    let phases = phases.map(|drafts| resolve_phases(call.world, &base, drafts)).transpose()?;
    schedule::update(call.world, &id, Change { phases, end_behavior, metadata, behavior })?;
    response(call.world, &id)
}

fn cancel(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    let invoice_now = p.boolean("invoice_now")?.unwrap_or(true);
    let prorate = p.boolean("prorate")?.unwrap_or(true);
    call.begin()?;
    schedule::cancel(call.world, &id, invoice_now, prorate)?;
    response(call.world, &id)
}

fn release(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let keep_end = call.params.boolean("preserve_cancel_date")?.unwrap_or(false);
    call.begin()?;
    schedule::release(call.world, &id, keep_end)?;
    response(call.world, &id)
}
