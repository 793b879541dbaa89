//! Trials: start, end date, and the paid periods after them.

use super::first::first_period;
use super::item_diff::ItemsChange;
use super::payments::subscription_payment_method;
use super::periods::start_periods;
use super::prorate::{
    ProratedChange, accrued_usage, check_date, credit_unused_time, metered_items,
};
use crate::model::invoice::Line;
use crate::model::subscription::{
    Collection, MissingPaymentMethod, ProrationBehavior, Status, Subscription,
};
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};
use crate::world::World;

/// Effect of the end of a trial on its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialOutcome {
    /// The paid periods begin.
    Bills,
    Pauses,
    Cancels,
}

/// Returns the effect of the end of the trial. Its settings decide if there is no payment method.
pub fn outcome(world: &World, sub: &Subscription) -> TrialOutcome {
    if sub.collection == Collection::Send || subscription_payment_method(world, sub).is_some() {
        return TrialOutcome::Bills;
    }
    match sub.trial_settings.missing_payment_method {
        MissingPaymentMethod::CreateInvoice => TrialOutcome::Bills,
        MissingPaymentMethod::Pause => TrialOutcome::Pauses,
        MissingPaymentMethod::Cancel => TrialOutcome::Cancels,
    }
}

/// Moves the end of a trial and the billing cycle.
pub fn set_end(sub: &mut Subscription, end: Timestamp, now: Timestamp) -> Result<()> {
    check_end(end, now)?;
    end_at(sub, end);
    Ok(())
}

/// Sets the end of the trial, its periods and, unless the anchor is kept, the billing cycle.
pub fn end_at(sub: &mut Subscription, end: Timestamp) {
    sub.trial = sub.trial.map(|(start, _)| (start, end));
    if !sub.trial_settings.keeps_anchor {
        sub.anchor = end;
    }
    for item in &mut sub.items {
        item.period.1 = end;
    }
}

/// Returns an error unless the end is in the future and within two years.
pub fn check_end(end: Timestamp, now: Timestamp) -> Result<()> {
    let refuse = |message: String| Err(ApiError::invalid(message).param("trial_end"));
    if end <= now {
        return refuse(format!(
            "The parameter `trial_end` expects a unix timestamp representing a date and time in the future. You specified the value `{end}` which is in the past."
        ));
    }
    if end > now + 730 * DAY {
        return refuse(
            "Invalid timestamp: can be no more than two years in the future.".to_owned(),
        );
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
    Ok(ProratedChange {
        sub,
        prorations,
        periods: Vec::new(),
        date,
        billed_usage,
        reset: false,
        invoices_now: false,
    })
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
