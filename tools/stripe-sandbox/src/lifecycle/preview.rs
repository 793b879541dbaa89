//! `POST /v1/invoices/create_preview`: an invoice that is only computed.

use super::cancellation::{CancelAt, set_cancellation};
use super::discounts::{Redeemer, replace_discounts};
use super::draft::{NewInvoice, blank};
use super::pause::{self, BillFor};
use super::plan::{Planned, Wish, plan};
use super::resume::{self, Way};
use super::subscribe::{NewSubscription, preview_first};
use super::{end, periods, phase, trial};
use crate::model::MetadataChange;
use crate::model::catalog::Redeem;
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{Collection, ProrationBehavior, Status, Subscription};
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

/// `subscription_details` of a preview for a subscription that exists.
#[derive(Default)]
pub struct Details {
    pub wish: Wish,
    pub metadata: Option<MetadataChange>,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: Option<bool>,
    pub cancel_now: bool,
    pub default_tax_rates: Option<Vec<String>>,
    /// What replaces the subscription's discounts for this preview.
    pub discounts: Option<Vec<Redeem>>,
    /// The invoice of a pause.
    pub pause: Option<BillFor>,
    /// The invoice of going on now.
    pub resume: Option<Way>,
    /// The steady state: no prorations, no trial, nothing pending.
    pub recurring: bool,
}

/// The next invoice of a subscription, or the one that a change would make at once.
pub fn of_subscription(world: &mut World, id: &str, details: &Details) -> Result<Invoice> {
    let mut sub = world.subscription(id);
    let now = world.now_of(&sub.customer);
    if let Some(way) = details.resume {
        let planned = resume::plan(world, &sub, way, now)?;
        return at_once(planned, &sub);
    }
    if sub.status.is_terminal() || sub.status == Status::Paused {
        return Err(none_upcoming(&sub.customer));
    }
    if let Some(bill) = details.pause {
        let planned = pause::plan(world, &sub, bill, now)?;
        return at_once(planned, &sub);
    }
    sub.default_tax_rates = details.default_tax_rates.clone().unwrap_or(sub.default_tax_rates);
    if let Some(change) = details.metadata.clone() {
        change.apply(&mut sub.metadata);
    }
    // They stay in the world: what the preview refers to can be expanded.
    let mut redeemer = Redeemer::of(&sub, now);
    replace_discounts(world, &mut sub, details.discounts.as_deref(), &mut redeemer)?;
    of_change(world, &sub, details, &mut redeemer, now)
}

/// The invoice that is made at once, if there is one.
fn at_once(planned: Planned, sub: &Subscription) -> Result<Invoice> {
    let date = planned.date;
    let mut invoice =
        planned.invoice.map(as_preview).ok_or_else(|| none_upcoming(&sub.customer))?;
    invoice.proration_date = date;
    Ok(invoice)
}

/// What an update with the same parameters makes, or the renewal if it makes nothing at once.
fn of_change(
    world: &mut World,
    sub: &Subscription,
    details: &Details,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Invoice> {
    let mut planned = plan(world, sub, &details.wish, redeemer, now)?;
    let cancel_at = details.cancel_at.map(|at| Some(CancelAt::Time(at)));
    set_cancellation(&mut planned.sub, details.cancel_at_period_end, cancel_at, now);
    if details.cancel_now {
        planned.sub.cancel_at = Some(now);
    }
    if details.recurring {
        return Ok(steady(world, &planned.sub, now));
    }
    let always = !details.wish.is_nothing()
        && details.wish.behavior == Some(ProrationBehavior::AlwaysInvoice);
    let mut invoice = match planned.invoice {
        Some(invoice) => as_preview(invoice),
        None if always => compute(world, &planned.sub, Vec::new(), (now, now), now),
        None => {
            let prorations = planned.items.into_iter().map(|item| item.line).collect();
            next_invoice(world, &planned.sub, prorations, now)?
        }
    };
    invoice.proration_date = planned.date;
    Ok(invoice)
}

/// What a new subscription would cost at once.
pub fn of_new_subscription(
    world: &mut World,
    new: &NewSubscription,
    recurring: bool,
) -> Result<Invoice> {
    let now = world.now_of(&new.customer);
    let (sub, lines) = preview_first(world, new, now)?;
    Ok(if recurring {
        steady(world, &sub, now)
    } else {
        compute(world, &sub, lines, (now, now), now)
    })
}

fn none_upcoming(customer: &str) -> ApiError {
    let mut error =
        ApiError::with_status(404, format!("No upcoming invoices for customer: {customer}"));
    error = error.code("invoice_upcoming_none");
    error
}

/// The renewal as it stands now, usage to date included.
fn next_invoice(
    world: &mut World,
    sub: &Subscription,
    prorations: Vec<Line>,
    now: Timestamp,
) -> Result<Invoice> {
    let pending = world.pending_items(sub).into_iter().map(|item| item.line);
    let mut lines: Vec<Line> = prorations.into_iter().chain(pending).collect();
    let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(now);
    let turn = if sub.status == Status::Trialing {
        sub.trial.map(|(_, end)| end)
    } else {
        sub.next_period_end()
    };
    let at = turn.expect("a running subscription has items");
    if let Some(end) = sub.cancel_at.filter(|end| *end <= at) {
        if sub.status != Status::Trialing {
            lines = end::closing_lines(world, sub, end);
        }
        if lines.is_empty() {
            return Err(none_upcoming(&sub.customer));
        }
        return Ok(compute(world, sub, lines, (start, end), end));
    }
    let (next, own) = if sub.status == Status::Trialing {
        let mut next = sub.clone();
        let own = trial::paid_periods(world, &mut next, at);
        (next, own)
    } else if let Some(turned) = into_next_phase(world, sub, at) {
        turned
    } else {
        periods::turn(world, sub, at)
    };
    lines.extend(own);
    let mut invoice = compute(world, &next, lines, (start, at), at);
    invoice.next_payment_attempt = Some(at + HOUR).filter(|_| sub.collection == Collection::Charge);
    Ok(invoice)
}

/// The renewal that a schedule makes something else of.
fn into_next_phase(
    world: &mut World,
    sub: &Subscription,
    at: Timestamp,
) -> Option<(Subscription, Vec<Line>)> {
    let schedule = world.schedules().get(sub.schedule.as_ref()?)?;
    let next = schedule.phases.get(schedule.current + 1).filter(|phase| phase.start == at)?.clone();
    phase::turn(world, sub, &next, at)
}

fn steady(world: &mut World, sub: &Subscription, now: Timestamp) -> Invoice {
    let at = sub.next_period_end().unwrap_or(now);
    let mut lines = Vec::new();
    for item in &sub.items {
        let period = world.context(sub, item).interval().period_at(sub.anchor, at);
        match item.quantity {
            Some(_) => lines.extend(world.context(sub, item).period_ahead(period)),
            None => lines.extend(world.usage_lines(sub, item, Unbilled::since(at), at)),
        }
    }
    compute(world, sub, lines, (at, at), at)
}

fn compute(
    world: &mut World,
    sub: &Subscription,
    lines: Vec<Line>,
    period: (Timestamp, Timestamp),
    created: Timestamp,
) -> Invoice {
    let new = NewInvoice { reason: BillingReason::Upcoming, lines, period, created };
    as_preview(world.draft(sub, new))
}

/// The same invoice under names by which it cannot be found.
fn as_preview(mut invoice: Invoice) -> Invoice {
    invoice.reason = BillingReason::Upcoming;
    invoice.id = format!("upcoming_{}", invoice.id);
    for line in &mut invoice.lines {
        line.id = line.id.replacen("il_", "il_tmp", 1);
    }
    invoice.auto_advance = false;
    invoice
}

/// A preview of one-off items alone.
pub fn of_items(world: &mut World, customer: &str, lines: Vec<Line>) -> Invoice {
    let now = world.now_of(customer);
    let mut invoice =
        Invoice { lines, reason: BillingReason::Upcoming, ..blank(world.customer(customer), now) };
    world.name_invoice(&mut invoice);
    invoice.id = format!("upcoming_{}", invoice.id);
    world.add_up(&mut invoice);
    invoice
}
