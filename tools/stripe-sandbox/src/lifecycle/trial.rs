//! Trials: their end, and what begins with it.

use super::first::first_period;
use super::periods::begin_periods;
use super::prorate::{Changed, check_date, give_back, metered, usage_so_far};
use super::swap::ItemsChange;
use crate::model::invoice::Line;
use crate::model::subscription::{ProrationBehavior, Status, Subscription};
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};
use crate::world::World;

/// Moves the end of a trial, and with it the cycle.
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

/// A trial ends in the future, and within two years.
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

/// A trial in the middle of periods that are paid: their unused time is given back, and usage so far
/// is billed, for in a trial it is free.
pub fn begin(
    world: &World,
    before: &Subscription,
    end: Timestamp,
    behavior: ProrationBehavior,
    date: Option<Timestamp>,
    now: Timestamp,
) -> Result<Changed> {
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
        prorations = give_back(world, &mut sub, |_| Some(date));
    }
    let swept = metered(before).map(|item| item.id.clone()).collect();
    prorations.extend(usage_so_far(world, before, now));
    for item in &mut sub.items {
        item.period = (now, end);
        item.debits.clear();
        item.usage = world.rest_of_usage(now);
    }
    set_end(&mut sub, end, now)?;
    Ok(Changed { sub, prorations, periods: Vec::new(), date, swept, reset: false })
}

/// The periods that follow a trial, and their lines: whole ones from here, or, if the cycle goes on
/// as it was, what is left until its next boundary.
pub fn paid_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    if !sub.trial_settings.keeps_anchor {
        return begin_periods(world, sub, at);
    }
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let (period, own) = first_period(world.context(&snapshot, old), at, true);
        item.period = period;
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(own);
    }
    lines
}
