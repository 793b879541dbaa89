//! Trials: start, end date, and the paid periods after them.

use super::first::first_period;
use super::item_diff::ItemsChange;
use super::periods::start_periods;
use super::prorate::{
    ProratedChange, accrued_usage, check_date, credit_unused_time, metered_items,
};
use crate::model::invoice::Line;
use crate::model::subscription::{ProrationBehavior, Status, Subscription};
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};
use crate::world::World;

/// Moves the end of a trial and the billing cycle.
pub fn set_end(sub: &mut Subscription, end: Timestamp, now: Timestamp) -> Result<()> {
    check_end(end, now)?;
    sub.trial = sub.trial.map(|(start, _)| (start, end));
    if !sub.trial_settings.keeps_anchor {
        sub.anchor = end;
    }
    for item in &mut sub.items {
        item.period.1 = end;
    }
    Ok(())
}

/// Returns an error unless the end is in the future and within two years.
pub fn check_end(end: Timestamp, now: Timestamp) -> Result<()> {
    let refuse = |message: &str| Err(ApiError::invalid(message).param("trial_end"));
    if end <= now {
        return refuse("Invalid timestamp: must be an integer Unix timestamp in the future.");
    }
    if end > now + 730 * DAY {
        return refuse("Invalid timestamp: can be no more than two years in the future.");
    }
    Ok(())
}

/// Starts a trial in the middle of paid periods. Their unused time is credited and accrued usage is
/// billed, because usage in a trial is free.
pub fn begin(
    world: &World,
    before: &Subscription,
    end: Timestamp,
    behavior: ProrationBehavior,
    date: Option<Timestamp>,
    now: Timestamp,
) -> Result<ProratedChange> {
    check_end(end, now)?;
    if !matches!(before.status, Status::Active | Status::PastDue) {
        return Err(ApiError::not_imitated(&format!(
            "trial_end (of a subscription that is {})",
            before.status.as_str()
        )));
    }
    let asked = ItemsChange { items: Vec::new(), anchor_now: false, behavior, date };
    let date = check_date(before, &asked, now)?;
    let mut sub = before.clone();
    sub.status = Status::Trialing;
    sub.trial = Some((now, end));
    let mut prorations = Vec::new();
    if behavior != ProrationBehavior::None {
        prorations = credit_unused_time(world, &mut sub, |_| Some(date));
    }
    let billed_usage = metered_items(before).map(|item| item.id.clone()).collect();
    prorations.extend(accrued_usage(world, before, now));
    for item in &mut sub.items {
        item.period = (now, end);
        item.debits.clear();
        item.usage = world.skip_reported_usage(now);
    }
    set_end(&mut sub, end, now)?;
    Ok(ProratedChange { sub, prorations, periods: Vec::new(), date, billed_usage, reset: false })
}

/// Starts the paid periods after a trial and returns their lines: whole periods, or with an
/// unchanged anchor the rest until the next boundary.
pub fn paid_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    if !sub.trial_settings.keeps_anchor {
        return start_periods(world, sub, at);
    }
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let (period, own) = first_period(world.item_context(&snapshot, old), at, true);
        item.period = period;
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(own);
    }
    lines
}
