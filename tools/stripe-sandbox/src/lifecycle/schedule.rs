//! Subscription schedules.

use super::item_diff::{ItemChange, ItemsChange};
use super::plan::BillingChange;
use super::update::Update;
use super::{cancellation, change, end, phase, renew};
use crate::model::schedule::{EndBehavior, Phase, PhaseItem, Schedule, Status};
use crate::model::subscription::{
    Item, ProrationBehavior, Status as SubscriptionStatus, Subscription,
};
use crate::model::{Metadata, MetadataChange};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::{World, find};

/// Creates a schedule with one phase, the subscription's current period.
pub fn from_subscription(world: &mut World, id: &str) -> Result<String> {
    let mut sub = world.subscription(id);
    if !sub.status.is_running() {
        return Err(ApiError::invalid(format!(
            "You cannot migrate a subscription whose status is `{}` to a schedule.",
            sub.status.as_str()
        )));
    }
    if let Some(schedule) = &sub.schedule {
        return Err(ApiError::invalid(format!(
            "You cannot migrate a subscription that is already attached to a schedule: `{schedule}`."
        )));
    }
    let now = world.now_of(&sub.customer);
    let schedule = Schedule {
        id: world.ids.id("sub_sched"),
        customer: sub.customer.clone(),
        subscription: sub.id.clone(),
        currency: sub.currency,
        status: Status::Active,
        end_behavior: match sub.cancel_at {
            Some(_) => EndBehavior::Cancel,
            None => EndBehavior::Release,
        },
        phases: vec![current_phase(&sub, now)],
        current: 0,
        metadata: Metadata::new(),
        created: now,
        canceled_at: None,
        completed_at: None,
        released_at: None,
        test_clock: sub.test_clock.clone(),
    };
    let made = schedule.id.clone();
    sub.schedule = Some(made.clone());
    world.put_subscription(sub);
    world.put_schedule(schedule);
    Ok(made)
}

fn current_phase(sub: &Subscription, now: Timestamp) -> Phase {
    let start = sub.items.iter().map(|item| item.period.0).max().unwrap_or(now);
    let end = sub.cancel_at.or(sub.next_period_end()).unwrap_or(now);
    let item = |item: &Item| PhaseItem {
        price: item.price.clone(),
        quantity: item.quantity,
        tax_rates: item.tax_rates.clone(),
        metadata: item.metadata.clone(),
    };
    let trialing = sub.status == SubscriptionStatus::Trialing;
    Phase {
        start,
        end,
        items: sub.items.iter().map(item).collect(),
        behavior: ProrationBehavior::CreateProrations,
        anchor: None,
        metadata: Metadata::new(),
        trial_end: sub.trial.map(|(_, end)| end).filter(|_| trialing),
    }
}

/// Update of a schedule. `phases` start with the current one.
pub struct Change {
    pub phases: Option<Vec<Phase>>,
    pub end_behavior: Option<EndBehavior>,
    pub metadata: Option<MetadataChange>,
    /// Proration of a change of the current phase.
    pub behavior: ProrationBehavior,
}

pub fn update(world: &mut World, id: &str, change: Change) -> Result<()> {
    let mut schedule = find_active(world, id, "update")?;
    let now = world.now_of(&schedule.customer);
    if let Some(phases) = change.phases {
        check(&schedule, &phases, now)?;
        schedule.phases.truncate(schedule.current);
        schedule.phases.extend(phases);
        let present = schedule.phase().clone();
        let sub = world.subscription(&schedule.subscription);
        if phase::has_other_items(&sub, &present.items) {
            apply(world, &sub, &present, change.behavior, false)?;
        }
    }
    schedule.end_behavior = change.end_behavior.unwrap_or(schedule.end_behavior);
    if let Some(metadata) = change.metadata {
        metadata.apply(&mut schedule.metadata);
    }
    let ends = (schedule.end_behavior == EndBehavior::Cancel).then(|| schedule.end());
    set_end(world, &schedule.subscription, ends, now);
    world.put_schedule(schedule);
    Ok(())
}

/// Sets the subscription's cancellation date from the schedule.
fn set_end(world: &mut World, sub: &str, ends: Option<Timestamp>, now: Timestamp) {
    let mut sub = world.subscription(sub);
    sub.cancel_at_period_end = false;
    let at = ends.map(cancellation::CancelAt::Time);
    cancellation::set_cancellation(&mut sub, None, Some(at), now);
    world.put_subscription(sub);
}

/// Returns the schedule if it is active, else an error.
fn find_active(world: &World, id: &str, what: &str) -> Result<Schedule> {
    let schedule = find(world.schedules(), id)?;
    if schedule.status == Status::Active {
        return Ok(schedule.clone());
    }
    Err(ApiError::invalid(format!(
        "You cannot {what} a subscription schedule that is currently in the `{}` status. It must be in the `not_started` or `active` status.",
        schedule.status.as_str()
    )))
}

/// Returns an error unless the phases follow one another without a gap and the current one keeps
/// its start.
fn check(schedule: &Schedule, phases: &[Phase], now: Timestamp) -> Result<()> {
    let refuse = |message: &str, param: &str| Err(ApiError::invalid(message).param(param));
    let Some(first) = phases.first() else {
        return Err(ApiError::missing_param("phases"));
    };
    if first.start != schedule.phase().start {
        return refuse(
            "You can not modify the start date of the current phase.",
            "phases[0][start_date]",
        );
    }
    if first.end <= now {
        return refuse("The current phase must end in the future.", "phases[0][end_date]");
    }
    for (index, phase) in phases.iter().enumerate() {
        if phase.end <= phase.start {
            let param = format!("phases[{index}][end_date]");
            return refuse("The `end_date` of a phase must be after its `start_date`.", &param);
        }
        if index > 0 && phases[index - 1].end != phase.start {
            let param = format!("phases[{index}][start_date]");
            return refuse("A phase must start when the phase before it ends.", &param);
        }
    }
    Ok(())
}

/// Updates the subscription's items to the phase's.
fn apply(
    world: &mut World,
    sub: &Subscription,
    phase: &Phase,
    behavior: ProrationBehavior,
    anchor_now: bool,
) -> Result<()> {
    let items: Vec<ItemChange> = phase::item_changes(sub, &phase.items);
    let items = Some(ItemsChange { items, anchor_now, behavior, date: None });
    let billing = BillingChange { items, ..BillingChange::default() };
    change::update(world, &sub.id, &Update { billing, ..Update::default() })
}

/// Ends the current phase: starts the next one, or ends the schedule.
pub fn end_phase(world: &mut World, id: &str, at: Timestamp) {
    let Ok(mut schedule) = find_active(world, id, "advance") else { return };
    if schedule.current + 1 < schedule.phases.len() {
        schedule.current += 1;
        world.put_schedule(schedule.clone());
        return enter_phase(world, &schedule, at);
    }
    if schedule.end_behavior == EndBehavior::Cancel {
        // The subscription's own cancellation date is due at the same time.
        schedule.status = Status::Completed;
        schedule.completed_at = Some(at);
        return world.put_schedule(schedule);
    }
    release_subscription(world, schedule, at);
}

fn enter_phase(world: &mut World, schedule: &Schedule, at: Timestamp) {
    let mut sub = world.subscription(&schedule.subscription);
    let phase = schedule.phase();
    let pairs = phase.metadata.iter().map(|(key, value)| (key.clone(), value.clone()));
    MetadataChange::Merge(pairs.collect()).apply(&mut sub.metadata);
    world.put_subscription(sub.clone());
    if sub.status.is_terminal() {
        return;
    }
    if let Some((next, lines)) = phase::renew_into_phase(world, &sub, phase, at) {
        super::void::discard_pending_update(world, &sub.id, at);
        let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(at);
        let next = Subscription { pending_update: None, ..next };
        return renew::create_renewal_invoice(world, next, lines, (start, at), at);
    }
    let anchor_now = phase.starts_cycle();
    if anchor_now || phase::has_other_items(&sub, &phase.items) {
        // The prices were checked when the phase was set. There is no request to return an error
        // to.
        drop(apply(world, &sub, phase, phase.behavior, anchor_now));
    }
}

/// Releases the subscription from its schedule.
fn release_subscription(world: &mut World, mut schedule: Schedule, at: Timestamp) {
    let mut sub = world.subscription(&schedule.subscription);
    sub.schedule = None;
    world.put_subscription(sub);
    schedule.status = Status::Released;
    schedule.released_at = Some(at);
    world.put_schedule(schedule);
}

pub fn release(world: &mut World, id: &str, keep_end: bool) -> Result<()> {
    let schedule = find_active(world, id, "release")?;
    let now = world.now_of(&schedule.customer);
    if !keep_end && schedule.end_behavior == EndBehavior::Cancel {
        set_end(world, &schedule.subscription, None, now);
    }
    release_subscription(world, schedule, now);
    Ok(())
}

/// Cancels the subscription and its schedule.
pub fn cancel(world: &mut World, id: &str, invoice_now: bool, prorate: bool) -> Result<()> {
    let schedule = find_active(world, id, "cancel")?;
    let sub = world.subscription(&schedule.subscription);
    let now = world.now_of(&schedule.customer);
    end::cancel_by_request(world, sub, invoice_now, prorate, now);
    Ok(())
}
