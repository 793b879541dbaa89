//! Previews of a schedule: `schedule` and `schedule_details`.

use super::schedule_phases::{Base, PhaseDates, PhaseParams, currency_of, resolve_phases};
use super::subscription_params as shared;
use crate::endpoint::params::Params;
use crate::lifecycle::phase;
use crate::lifecycle::plan::BillingChange;
use crate::lifecycle::preview::{
    PreviewOptions, no_upcoming_invoice, preview_start, preview_subscription,
};
use crate::lifecycle::schedule::{check, check_order};
use crate::lifecycle::schedule_start::{NewSchedule, first_subscription};
use crate::model::Metadata;
use crate::model::invoice::Invoice;
use crate::model::schedule::{EndBehavior, Phase, Schedule};
use crate::model::subscription::{BillingMode, ProrationBehavior};
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find_live_customer_param, find_param};

/// `schedule` and `schedule_details`.
#[derive(Default)]
pub struct ScheduleParams {
    schedule: Option<String>,
    phases: Option<Vec<PhaseParams>>,
    end_behavior: Option<EndBehavior>,
    behavior: Option<ProrationBehavior>,
    mode: Option<(BillingMode, bool)>,
}

impl ScheduleParams {
    /// Reads the parameters, or returns None if the request has neither.
    pub fn read(p: &mut Params) -> Result<Option<ScheduleParams>> {
        if !p.has("schedule") && !p.has("schedule_details") {
            return Ok(None);
        }
        for other in ["subscription", "subscription_details"] {
            if p.has(other) {
                return Err(ApiError::invalid(format!(
                    "You may only specify one of these parameters: schedule, {other}."
                ))
                .code("parameters_exclusive"));
            }
        }
        let schedule = p.text("schedule")?;
        let details = p.hash("schedule_details", |inner| {
            inner.not_imitated(&["pause_schedules"])?;
            Ok(ScheduleParams {
                schedule: None,
                phases: inner
                    .list("phases", |phase| PhaseParams::read(phase, PhaseDates::StartAndEnd))?,
                end_behavior: inner.choice("end_behavior", EndBehavior::NAMES)?,
                behavior: shared::proration_behavior(inner)?,
                mode: inner.has("billing_mode").then(|| shared::billing_mode(inner)).transpose()?,
            })
        })?;
        Ok(Some(ScheduleParams { schedule, ..details.unwrap_or_default() }))
    }

    /// Returns the next invoice of the schedule, with the changed phases.
    pub fn preview(
        self,
        world: &mut World,
        customer: Option<&str>,
        recurring: bool,
    ) -> Result<Invoice> {
        if let Some(id) = &self.schedule {
            let schedule = find_param(world.schedules(), id, "schedule")?.clone();
            if customer.is_some_and(|customer| customer != schedule.customer) {
                return Err(ApiError::no_such_param("subscription schedule", id, "schedule"));
            }
            return self.preview_existing(world, schedule, recurring);
        }
        let customer = customer.ok_or_else(|| ApiError::missing_param("customer"))?;
        find_live_customer_param(world, customer, "customer")?;
        self.preview_new(world, customer, recurring)
    }

    fn preview_new(self, world: &mut World, customer: &str, recurring: bool) -> Result<Invoice> {
        let drafts = self.phases.filter(|drafts| !drafts.is_empty());
        let drafts = drafts.ok_or_else(|| ApiError::missing_param("schedule_details[phases]"))?;
        let now = world.now_of(customer);
        let currency = currency_of(world, customer, &drafts)?;
        let phases = resolve_phases(world, &Base::new(currency, now, now), drafts)?;
        check_order(&phases)?;
        let new = NewSchedule {
            customer: customer.to_owned(),
            currency,
            mode: self.mode.unwrap_or((BillingMode::Flexible, false)),
            end_behavior: self.end_behavior.unwrap_or(EndBehavior::Release),
            phases,
            metadata: Metadata::new(),
        };
        preview_first(world, &new.into_schedule(String::new(), None, now), recurring)
    }

    fn preview_existing(
        self,
        world: &mut World,
        mut schedule: Schedule,
        recurring: bool,
    ) -> Result<Invoice> {
        if !schedule.is_live() {
            return Err(no_upcoming_invoice(&schedule.customer));
        }
        let now = world.now_of(&schedule.customer);
        let before = schedule.phase().clone();
        if let Some(drafts) = self.phases {
            let phases = resolve_phases(world, &Base::of(world, &schedule), drafts)?;
            check(&schedule, &phases, now)?;
            schedule.phases.truncate(schedule.current);
            schedule.phases.extend(phases);
        }
        schedule.end_behavior = self.end_behavior.unwrap_or(schedule.end_behavior);
        let Some(sub) = schedule.subscription.clone() else {
            return preview_first(world, &schedule, recurring);
        };
        let behavior = self.behavior.unwrap_or(ProrationBehavior::CreateProrations);
        let options = options(world, &sub, &schedule, &before, behavior, recurring);
        preview_subscription(world, &sub, &options)
    }
}

/// Returns the first invoice of a schedule that has not started.
fn preview_first(world: &mut World, schedule: &Schedule, recurring: bool) -> Result<Invoice> {
    let start = schedule.phase().start;
    let mut preview = preview_start(world, &first_subscription(schedule), recurring, start)?;
    preview.subscription = None;
    Ok(preview)
}

/// Returns the preview of an active schedule's subscription with the schedule's phases.
fn options(
    world: &World,
    sub: &str,
    schedule: &Schedule,
    before: &Phase,
    behavior: ProrationBehavior,
    recurring: bool,
) -> PreviewOptions {
    let sub = world.subscription(sub);
    let present = schedule.phase();
    let items = phase::has_other_items(&sub, &present.items).then(|| {
        let items = phase::item_changes(&sub, &present.items);
        shared::items_change(Some(items), false, Some(behavior), None)
    });
    let ends = schedule.end_behavior == EndBehavior::Cancel;
    PreviewOptions {
        billing: BillingChange {
            behavior: items.is_some().then_some(behavior),
            items: items.flatten(),
            ..BillingChange::default()
        },
        default_tax_rates: present.default_tax_rates.clone(),
        discounts: (before.discounts != present.discounts).then(|| present.discounts.clone()),
        cancel_at: ends.then(|| schedule.end()),
        phases: Some(schedule.phases[schedule.current..].to_vec()),
        recurring,
        ..PreviewOptions::default()
    }
}
