//! Subscription schedules.

use super::discounts::Redeemer;
use super::item_diff::{ItemChange, ItemsChange};
use super::plan::BillingChange;
use super::update::Update;
use super::{cancellation, change, end, phase, renew};
use crate::model::catalog::RequestedDiscount;
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
        subscription: Some(sub.id.clone()),
        mode: (sub.mode, sub.itemized),
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
    let keep = |ids: &[String]| ids.iter().cloned().map(RequestedDiscount::Discount).collect();
    let item = |item: &Item| PhaseItem {
        price: item.price.clone(),
        quantity: item.quantity,
        tax_rates: item.tax_rates.clone(),
        discounts: keep(&item.discounts),
        metadata: item.metadata.clone(),
    };
    let rates = Some(sub.default_tax_rates.clone());
    let trialing = sub.status == SubscriptionStatus::Trialing;
    Phase {
        start,
        end,
        items: sub.items.iter().map(item).collect(),
        behavior: ProrationBehavior::CreateProrations,
        anchor: None,
        metadata: Metadata::new(),
        description: None,
        default_tax_rates: rates.filter(|rates| !rates.is_empty()),
        discounts: keep(&sub.discounts),
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
    let mut schedule = find_live(world, id, "update")?;
    let now = world.now_of(&schedule.customer);
    if let Some(phases) = change.phases {
        check(&schedule, &phases, now)?;
        let before = schedule.phase().clone();
        schedule.phases.truncate(schedule.current);
        schedule.phases.extend(phases);
        if let Some(sub) = &schedule.subscription {
            change_current(world, sub, &before, schedule.phase(), change.behavior, now)?;
        }
    }
    schedule.end_behavior = change.end_behavior.unwrap_or(schedule.end_behavior);
    if let Some(metadata) = change.metadata {
        metadata.apply(&mut schedule.metadata);
    }
    set_end_of(world, &schedule, now);
    world.put_schedule(schedule);
    Ok(())
}

/// Applies a change of the current phase to the subscription.
fn change_current(
    world: &mut World,
    sub: &str,
    before: &Phase,
    present: &Phase,
    behavior: ProrationBehavior,
    now: Timestamp,
) -> Result<()> {
    let mut sub = world.subscription(sub);
    let fields = |phase: &Phase| {
        (phase.description.clone(), phase.default_tax_rates.clone(), phase.discounts.clone())
    };
    if fields(before) != fields(present) {
        let mut redeemer = Redeemer::of(&sub, now);
        phase::set_fields(world, &mut sub, present, &mut redeemer, false);
        redeemer.commit(world);
        world.put_subscription(sub.clone());
    }
    if phase::has_other_items(&sub, &present.items) {
        apply(world, &sub, present, behavior, false)?;
    }
    Ok(())
}

/// Sets the subscription's cancellation date as the schedule's end requires.
pub fn set_end_of(world: &mut World, schedule: &Schedule, now: Timestamp) {
    let ends = (schedule.end_behavior == EndBehavior::Cancel).then(|| schedule.end());
    if let Some(sub) = &schedule.subscription {
        set_end(world, sub, ends, now);
    }
}

/// Sets the subscription's cancellation date from the schedule.
fn set_end(world: &mut World, sub: &str, ends: Option<Timestamp>, now: Timestamp) {
    let mut sub = world.subscription(sub);
    sub.cancel_at_period_end = false;
    let at = ends.map(cancellation::CancelAt::Time);
    cancellation::set_cancellation(&mut sub, None, Some(at), now);
    world.put_subscription(sub);
}

/// Returns the schedule if it is active or not started, else an error.
fn find_live(world: &World, id: &str, what: &str) -> Result<Schedule> {
    let schedule = find(world.schedules(), id)?;
    if schedule.is_live() {
        return Ok(schedule.clone());
    }
    Err(ApiError::invalid(format!(
        "You cannot {what} a subscription schedule that is currently in the `{}` status. It must be in the `not_started` or `active` status.",
        schedule.status.as_str()
    )))
}

/// Returns an error unless the phases follow one another without a gap and the current one keeps
/// its start.
pub fn check(schedule: &Schedule, phases: &[Phase], now: Timestamp) -> Result<()> {
    let refuse = |message: &str, param: &str| Err(ApiError::invalid(message).param(param));
    let Some(first) = phases.first() else {
        return Err(ApiError::missing_param("phases"));
    };
    let started = schedule.status == Status::Active;
    if !started && first.start < now {
        return refuse(
            "The start date of a schedule must not be in the past.",
            "phases[0][start_date]",
        );
    }
    if started && first.start != schedule.phase().start {
        return refuse(
            "You can not modify the start date of the current phase.",
            "phases[0][start_date]",
        );
    }
    if first.end <= now {
        return refuse("The current phase must end in the future.", "phases[0][end_date]");
    }
    check_order(phases)
}

/// Returns an error unless the phases follow one another without a gap.
pub fn check_order(phases: &[Phase]) -> Result<()> {
    let refuse = |message: &str, param: &str| Err(ApiError::invalid(message).param(param));
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
pub fn end_phase(world: &mut World, mut schedule: Schedule, at: Timestamp) {
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
    let Some(mut sub) = schedule.subscription.as_ref().map(|id| world.subscription(id)) else {
        return;
    };
    if sub.status.is_terminal() {
        return;
    }
    let phase = schedule.phase();
    let mut redeemer = Redeemer::of_phase(&sub, at);
    phase::set_fields(world, &mut sub, phase, &mut redeemer, true);
    world.put_subscription(sub.clone());
    let renewed = phase::renew_into_phase(world, &sub, phase, &mut redeemer, at);
    redeemer.commit(world);
    if let Some((next, lines)) = renewed {
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
    if let Some(mut sub) = schedule.subscription.as_ref().map(|id| world.subscription(id)) {
        sub.schedule = None;
        world.put_subscription(sub);
    }
    schedule.status = Status::Released;
    schedule.released_at = Some(at);
    world.put_schedule(schedule);
}

pub fn release(world: &mut World, id: &str, keep_end: bool) -> Result<()> {
    let schedule = find_live(world, id, "release")?;
    let now = world.now_of(&schedule.customer);
    if let Some(sub) = &schedule.subscription
        && !keep_end
        && schedule.end_behavior == EndBehavior::Cancel
    {
        set_end(world, sub, None, now);
    }
    release_subscription(world, schedule, now);
    Ok(())
}

/// Cancels the subscription and its schedule.
pub fn cancel(world: &mut World, id: &str, invoice_now: bool, prorate: bool) -> Result<()> {
    let mut schedule = find_live(world, id, "cancel")?;
    let now = world.now_of(&schedule.customer);
    if let Some(sub) = schedule.subscription.as_ref().map(|id| world.subscription(id)) {
        end::cancel_by_request(world, sub, invoice_now, prorate, now);
    } else {
        schedule.status = Status::Canceled;
        schedule.canceled_at = Some(now);
        world.put_schedule(schedule);
    }
    Ok(())
}
