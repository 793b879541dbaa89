//! `POST /v1/invoices/create_preview`: an invoice that is only computed.

use super::draft::{NewInvoice, blank};
use super::prorate::{Changed, ItemsChange, ProrationBehavior, change_items};
use super::subscribe::{NewSubscription, preview_first};
use super::{end, renew};
use crate::engine::period::{HOUR, Timestamp};
use crate::http::errors::{ApiError, Result};
use crate::model::invoice::{BillingReason, Invoice, Line};
use crate::model::subscription::{Collection, Status, Subscription};
use crate::world::World;

/// `subscription_details` of a preview for a subscription that exists.
#[derive(Clone, Debug, Default)]
pub struct Details {
    pub items: Option<ItemsChange>,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: Option<bool>,
    pub cancel_now: bool,
    pub default_tax_rates: Option<Vec<String>>,
    /// Coupons that replace the subscription's for this preview.
    pub discounts: Option<Vec<String>>,
    /// The steady state: no prorations, no trial, nothing pending.
    pub recurring: bool,
}

/// The next invoice of a subscription, or the one that a change would make at once.
pub fn of_subscription(world: &mut World, id: &str, details: Details) -> Result<Invoice> {
    let mut sub = world.subscription(id);
    let now = world.now_of(&sub.customer);
    if sub.status.is_terminal() || sub.status == Status::Paused {
        return Err(none_upcoming(&sub.customer));
    }
    if let Some(rates) = details.default_tax_rates {
        sub.default_tax_rates = rates;
    }
    if let Some(discounts) = details.discounts {
        sub.discounts = discounts;
    }
    sub.cancel_at = match details.cancel_at_period_end {
        Some(true) => sub.last_period_end(),
        Some(false) => None,
        None => details.cancel_at.or(sub.cancel_at),
    };
    if details.cancel_now {
        sub.cancel_at = Some(now);
    }
    if details.recurring {
        let next = match &details.items {
            Some(change) => change_items(world, &sub, change, now)?.sub,
            None => sub,
        };
        return Ok(steady(world, &next, now));
    }
    match details.items {
        Some(change) => of_change(world, &sub, &change, now),
        None => next_invoice(world, &sub, Vec::new(), now),
    }
}

/// What a new subscription would cost at once.
pub fn of_new_subscription(
    world: &mut World,
    new: &NewSubscription,
    recurring: bool,
) -> Result<Invoice> {
    let now = world.now_of(&new.customer);
    let (sub, lines, discounts) = preview_first(world, new, now)?;
    for discount in &discounts {
        world.discounts.put(discount.clone());
    }
    let invoice = if recurring {
        steady(world, &sub, now)
    } else {
        compute(world, &sub, lines, (now, now), now)
    };
    for discount in discounts {
        world.discounts.remove(&discount.id);
    }
    Ok(invoice)
}

fn none_upcoming(customer: &str) -> ApiError {
    let mut error =
        ApiError::with_status(404, format!("No upcoming invoices for customer: {customer}"));
    error = error.code("invoice_upcoming_none");
    error
}

fn of_change(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    now: Timestamp,
) -> Result<Invoice> {
    let Changed { sub: next, prorations, periods, date, reset } =
        change_items(world, sub, change, now)?;
    let mut invoice = if reset || change.behavior == ProrationBehavior::AlwaysInvoice {
        let pending = world.pending_items(sub).into_iter().map(|item| item.line);
        let lines = prorations.into_iter().chain(pending).chain(periods).collect();
        let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(now);
        compute(world, &next, lines, (start.min(now), now), now)
    } else {
        next_invoice(world, &next, prorations, now)?
    };
    invoice.proration_date = Some(date);
    Ok(invoice)
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
        let own = renew::begin_periods(world, &mut next, at);
        (next, own)
    } else {
        renew::turn(world, sub, at)
    };
    lines.extend(own);
    let mut invoice = compute(world, &next, lines, (start, at), at);
    invoice.next_payment_attempt = Some(at + HOUR).filter(|_| sub.collection == Collection::Charge);
    Ok(invoice)
}

fn steady(world: &mut World, sub: &Subscription, now: Timestamp) -> Invoice {
    let at = sub.next_period_end().unwrap_or(now);
    let mut lines = Vec::new();
    for item in &sub.items {
        let period = world.context(sub, item).interval().period_at(sub.anchor, at);
        match item.quantity {
            Some(_) => lines.extend(world.context(sub, item).period_ahead(period)),
            None => lines.extend(world.usage_lines(sub, item, (at, at))),
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
    let mut invoice = world.draft(sub, new);
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
