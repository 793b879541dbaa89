//! `/v1/subscription_schedules`.

use serde_json::Value;

use super::subscription_params as shared;
use super::subscription_schedule_json::to_json;
use super::tax_rates;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::params::Params;
use crate::lifecycle::items::{NewItem, check_currency, check_quantity};
use crate::lifecycle::schedule::{self, Change};
use crate::model::Metadata;
use crate::model::schedule::{EndBehavior, Phase, PhaseAnchor, PhaseItem, Schedule, Status};
use crate::model::subscription::ProrationBehavior;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{Interval, Timestamp, Unit};
use crate::world::{World, check_filter, find, find_param};

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
const NOT_IMITATED_IN_PHASES: &[&str] = &[
    "add_invoice_items",
    "application_fee_percent",
    "automatic_tax",
    "billing_thresholds",
    "collection_method",
    "default_payment_method",
    "default_tax_rates",
    "description",
    "discounts",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
    "trial",
    "trial_end",
];

fn response(world: &World, id: &str) -> Result<Value> {
    find(world.schedules(), id).map(|schedule| to_json(world, schedule))
}

/// Creates a schedule from a subscription. Like Stripe, refuses most other parameters then.
fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let sub = p.text("from_subscription")?;
    let named = NOT_WITH_FROM_SUBSCRIPTION.iter().find(|name| p.has(name));
    if let (Some(_), Some(name)) = (&sub, named) {
        return Err(ApiError::invalid(format!(
            "You cannot set `{name}` if `from_subscription` is set."
        ))
        .param(name));
    }
    let Some(sub) = sub else {
        return Err(ApiError::not_imitated("customer (a schedule that is not from_subscription)"));
    };
    let metadata = p.metadata()?;
    call.begin()?;
    find_param(call.world.subscriptions(), &sub, "from_subscription")?;
    let id = schedule::from_subscription(call.world, &sub)?;
    if let Some(metadata) = metadata {
        let mut made = find(call.world.schedules(), &id)?.clone();
        metadata.apply(&mut made.metadata);
        call.world.put_schedule(made);
    }
    response(call.world, &id)
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
    let phases = p.list("phases", PhaseParams::read)?;
    let end_behavior = p.choice("end_behavior", EndBehavior::NAMES)?;
    let metadata = p.metadata()?;
    let behavior = shared::proration_behavior(p)?.unwrap_or(ProrationBehavior::CreateProrations);
    call.begin()?;
    let schedule = find(call.world.schedules(), &id)?.clone();
    let phases = phases.map(|drafts| resolve_phases(call.world, &schedule, drafts)).transpose()?;
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

/// Parameters of a phase.
struct PhaseParams {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    duration: Option<Interval>,
    items: Vec<NewItem>,
    behavior: Option<ProrationBehavior>,
    anchor: Option<PhaseAnchor>,
    metadata: Metadata,
    name: String,
}

impl PhaseParams {
    fn read(p: &mut Params) -> Result<PhaseParams> {
        p.not_imitated(NOT_IMITATED_IN_PHASES)?;
        p.currency("currency")?;
        let mut metadata = Metadata::new();
        if let Some(change) = p.metadata()? {
            change.apply(&mut metadata);
        }
        let (start, end) = (p.time("start_date")?, p.time("end_date")?);
        let duration = p.hash("duration", |inner| {
            let name = inner.name("interval");
            let unit = inner.choice("interval", Unit::NAMES)?;
            let unit = unit.ok_or_else(|| ApiError::missing_param(&name))?;
            let count = inner.integer_in("interval_count", 1..=1000)?.unwrap_or(1);
            Ok(Interval { unit, count })
        })?;
        if end.is_some() && duration.is_some() {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: end_date, duration.",
            )
            .code("parameters_exclusive"));
        }
        Ok(PhaseParams {
            start,
            end,
            duration,
            items: shared::new_items(p)?,
            behavior: shared::proration_behavior(p)?,
            anchor: p.choice("billing_cycle_anchor", PhaseAnchor::NAMES)?,
            metadata,
            name: p.name("items"),
        })
    }
}

/// Returns the phases with their dates. A phase without an end lasts one period.
fn resolve_phases(
    world: &World,
    schedule: &Schedule,
    drafts: Vec<PhaseParams>,
) -> Result<Vec<Phase>> {
    let mut phases: Vec<Phase> = Vec::new();
    for draft in drafts {
        let before = phases.last().map(|phase| phase.end);
        let start = draft
            .start
            .or(before)
            .ok_or_else(|| ApiError::missing_param("phases[0][start_date]"))?;
        let items = draft
            .items
            .into_iter()
            .map(|item| resolve_item(world, schedule, item, &draft.name))
            .collect::<Result<Vec<_>>>()?;
        let own = items.first().and_then(|item| world.price(&item.price).recurring.as_ref());
        let lasts = draft.duration.or(own.map(|recurring| recurring.interval));
        let end = draft.end.or(lasts.map(|interval| interval.boundary(start, 1)));
        phases.push(Phase {
            start,
            end: end.unwrap_or(start),
            items,
            behavior: draft.behavior.unwrap_or(ProrationBehavior::CreateProrations),
            anchor: draft.anchor,
            metadata: draft.metadata,
            trial_end: schedule.phase().trial_end.filter(|end| start < *end),
        });
    }
    Ok(phases)
}

/// Returns an item of a phase. It can keep a price of the schedule that has become inactive.
fn resolve_item(
    world: &World,
    schedule: &Schedule,
    item: NewItem,
    name: &str,
) -> Result<PhaseItem> {
    if !item.discounts.is_empty() {
        return Err(ApiError::not_imitated(&format!("{name}[discounts]")));
    }
    let mut present = schedule.phases.iter().flat_map(|phase| &phase.items);
    if !present.any(|one| one.price == item.price) {
        shared::check_price(world, &item.price, &format!("{name}[price]"))?;
    }
    tax_rates::check(world, &item.tax_rates, &format!("{name}[tax_rates]"))?;
    let price = world.price(&item.price);
    check_currency(price, schedule.currency)?;
    let quantity = check_quantity(price, item.quantity)?;
    let NewItem { price, tax_rates, metadata, .. } = item;
    Ok(PhaseItem { price, quantity, tax_rates, metadata })
}
