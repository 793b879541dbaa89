//! `POST /v1/invoices/create_preview`.

use super::automatic_tax::check_location;
use super::cancellation::{CancelAt, set_cancellation};
use super::discounts::{Redeemer, replace_discounts};
use super::draft::{NewInvoice, empty_draft};
use super::pause::{self, BillFor};
use super::plan::{BillingChange, PlannedChange, plan};
use super::resume::{self, ResumeOptions};
use super::subscribe::{NewSubscription, preview_first};
use super::{end, periods, phase, trial};
use crate::model::MetadataChange;
use crate::model::catalog::RequestedDiscount;
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::schedule::Phase;
use crate::model::subscription::{
    AutomaticTax, Collection, ProrationBehavior, Status, Subscription,
};
use crate::model::usage::Unbilled;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{HOUR, Timestamp};
use crate::world::World;

/// `subscription_details` for an existing subscription.
#[derive(Default)]
pub struct PreviewOptions {
    pub billing: BillingChange,
    pub automatic_tax: Option<AutomaticTax>,
    pub metadata: Option<MetadataChange>,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: Option<bool>,
    pub cancel_now: bool,
    pub default_tax_rates: Option<Vec<String>>,
    /// Replaces the subscription's discounts in this preview.
    pub discounts: Option<Vec<RequestedDiscount>>,
    /// Preview the invoice of a pause.
    pub pause: Option<BillFor>,
    /// Preview the invoice of resuming now.
    pub resume: Option<ResumeOptions>,
    /// Phases that replace those of the subscription's schedule, from the current one on.
    pub phases: Option<Vec<Phase>>,
    /// `preview_mode=recurring`: no prorations, no trial, no pending items.
    pub recurring: bool,
}

/// Returns the invoice that the change would create, or the subscription's next invoice.
pub fn preview_subscription(
    world: &mut World,
    id: &str,
    details: &PreviewOptions,
) -> Result<Invoice> {
    let mut sub = world.subscription(id);
    let now = world.now_of(&sub.customer);
    if let Some(options) = details.resume {
        let planned = resume::plan(world, &sub, options, now)?;
        return immediate_invoice(planned, &sub);
    }
    if sub.status.is_terminal() || sub.status == Status::Paused {
        return Err(no_upcoming_invoice(&sub.customer));
    }
    if let Some(bill) = details.pause {
        let planned = pause::plan(world, &sub, bill, now)?;
        return immediate_invoice(planned, &sub);
    }
    sub.automatic_tax = details.automatic_tax.unwrap_or(sub.automatic_tax);
    check_location(world, &sub.customer, sub.automatic_tax)?;
    sub.default_tax_rates = details.default_tax_rates.clone().unwrap_or(sub.default_tax_rates);
    if let Some(change) = details.metadata.clone() {
        change.apply(&mut sub.metadata);
    }
    // Not rolled back: the preview's discounts can be expanded.
    let mut redeemer = Redeemer::of(&sub, now);
    replace_discounts(world, &mut sub, details.discounts.as_deref(), &mut redeemer)?;
    preview_change(world, &sub, details, &mut redeemer, now)
}

/// Returns the invoice of a pause or a resumption, if it has one.
fn immediate_invoice(planned: PlannedChange, sub: &Subscription) -> Result<Invoice> {
    let date = planned.date;
    let mut invoice =
        planned.invoice.map(as_preview).ok_or_else(|| no_upcoming_invoice(&sub.customer))?;
    invoice.proration_date = date;
    Ok(invoice)
}

/// Returns the invoice that an update with the same parameters would create, or the next renewal.
fn preview_change(
    world: &mut World,
    sub: &Subscription,
    details: &PreviewOptions,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Invoice> {
    let mut planned = plan(world, sub, &details.billing, redeemer, now)?;
    let cancel_at = details.cancel_at.map(|at| Some(CancelAt::Time(at)));
    set_cancellation(&mut planned.sub, details.cancel_at_period_end, cancel_at, now);
    if details.cancel_now {
        planned.sub.cancel_at = Some(now);
    }
    if planned.cancels || planned.sub.status == Status::Paused {
        return Err(no_upcoming_invoice(&sub.customer));
    }
    if details.recurring {
        return Ok(recurring_invoice(world, &planned.sub, now));
    }
    let always = !details.billing.is_empty()
        && details.billing.behavior == Some(ProrationBehavior::AlwaysInvoice);
    let mut invoice = match planned.invoice {
        Some(invoice) => as_preview(invoice),
        None if always => draft_preview(world, &planned.sub, Vec::new(), (now, now), now),
        None => {
            let prorations = planned.items.into_iter().map(|item| item.line).collect();
            next_invoice(world, &planned.sub, prorations, details.phases.as_deref(), now)?
        }
    };
    invoice.proration_date = planned.date;
    Ok(invoice)
}

/// Returns the first invoice of a new subscription.
pub fn preview_new_subscription(
    world: &mut World,
    new: &NewSubscription,
    recurring: bool,
) -> Result<Invoice> {
    let now = world.now_of(&new.customer);
    preview_start(world, new, recurring, now)
}

/// Returns the first invoice of a subscription that starts at `now`.
pub fn preview_start(
    world: &mut World,
    new: &NewSubscription,
    recurring: bool,
    now: Timestamp,
) -> Result<Invoice> {
    let (sub, lines) = preview_first(world, new, now)?;
    Ok(if recurring {
        recurring_invoice(world, &sub, now)
    } else {
        draft_preview(world, &sub, lines, (now, now), now)
    })
}

pub fn no_upcoming_invoice(customer: &str) -> ApiError {
    let mut error =
        ApiError::with_status(404, format!("No upcoming invoices for customer: {customer}"));
    error = error.code("invoice_upcoming_none");
    error
}

/// Returns the next renewal with usage to date.
fn next_invoice(
    world: &mut World,
    sub: &Subscription,
    prorations: Vec<Line>,
    phases: Option<&[Phase]>,
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
            return Err(no_upcoming_invoice(&sub.customer));
        }
        return Ok(draft_preview(world, sub, lines, (start, end), end));
    }
    let (next, own) = if sub.status == Status::Trialing {
        let mut next = sub.clone();
        let own = trial::paid_periods(world, &mut next, at);
        (next, own)
    } else if let Some(turned) = into_next_phase(world, sub, phases, at) {
        turned
    } else {
        periods::next_periods(world, sub, at)
    };
    lines.extend(own);
    let mut invoice = draft_preview(world, &next, lines, (start, at), at);
    invoice.next_payment_attempt = Some(at + HOUR).filter(|_| sub.collection == Collection::Charge);
    Ok(invoice)
}

/// Returns the renewal into the schedule's next phase, if that begins at `at`.
fn into_next_phase(
    world: &mut World,
    sub: &Subscription,
    phases: Option<&[Phase]>,
    at: Timestamp,
) -> Option<(Subscription, Vec<Line>)> {
    let schedule = world.schedules().get(sub.schedule.as_ref()?)?;
    let next = match phases {
        Some(phases) => phases.get(1),
        None => schedule.phases.get(schedule.current + 1),
    };
    let next = next.filter(|phase| phase.start == at)?.clone();
    let mut sub = sub.clone();
    // Not rolled back: the preview's discounts can be expanded.
    let mut redeemer = Redeemer::of_phase(&sub, at);
    phase::set_fields(world, &mut sub, &next, &mut redeemer, true);
    phase::renew_into_phase(world, &sub, &next, &mut redeemer, at)
}

fn recurring_invoice(world: &mut World, sub: &Subscription, now: Timestamp) -> Invoice {
    let at = sub.next_period_end().unwrap_or(now);
    let mut lines = Vec::new();
    for item in &sub.items {
        let period = world.item_context(sub, item).interval().period_at(sub.anchor, at);
        match item.quantity {
            Some(_) => lines.extend(world.item_context(sub, item).period_ahead(period)),
            None => lines.extend(world.usage_lines(sub, item, Unbilled::since(at), at)),
        }
    }
    draft_preview(world, sub, lines, (at, at), at)
}

fn draft_preview(
    world: &mut World,
    sub: &Subscription,
    lines: Vec<Line>,
    period: (Timestamp, Timestamp),
    created: Timestamp,
) -> Invoice {
    let new = NewInvoice { reason: BillingReason::Upcoming, lines, period, created };
    as_preview(world.draft_invoice(sub, new))
}

/// Gives a draft the ID and line IDs of a preview, under which no invoice exists.
fn as_preview(mut invoice: Invoice) -> Invoice {
    invoice.reason = BillingReason::Upcoming;
    invoice.id = format!("upcoming_{}", invoice.id);
    for line in &mut invoice.lines {
        line.id = line.id.replacen("il_", "il_tmp", 1);
    }
    invoice.auto_advance = false;
    invoice
}

/// Returns a preview of one-off items.
pub fn preview_items(world: &mut World, customer: &str, lines: Vec<Line>) -> Invoice {
    let now = world.now_of(customer);
    let mut invoice = Invoice {
        lines,
        reason: BillingReason::Upcoming,
        ..empty_draft(world.customer(customer), now)
    };
    world.assign_invoice_ids(&mut invoice);
    invoice.id = format!("upcoming_{}", invoice.id);
    world.compute_totals(&mut invoice);
    invoice
}
