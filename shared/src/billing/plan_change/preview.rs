//! The preview as callers see it. No I/O.

use serde::Serialize;

use super::amounts::{charge, proration_date, usage};
use super::diff::Change;
use super::direction::Direction;
use crate::billing::breakdown::Breakdown;
use crate::billing::line_prices::LinePrices;
use crate::stripe::StripeError;
use crate::stripe::views::{Invoice, Line, SubscriptionStatus};
use crate::values::{Currency, Date, DateTime, Money, Timestamp};

/// The cost of a plan change, now and later.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    plan: String,
    proration_amount: Money,
    currency: Currency,
    breakdown: Breakdown,
    lines: Vec<PreviewLine>,
    direction: Direction,
    effective_at: DateTime,
    next_invoice: NextInvoice,
    recurring: Recurring,
    /// Usage so far that is due with the change; null unless a new billing cycle starts.
    usage: Option<Usage>,
    quote: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewLine {
    description: Option<String>,
    amount: Money,
    proration: bool,
    period_start: Date,
    period_end: Date,
    /// Name of the meter; null if the line bills no usage.
    meter: Option<String>,
}

#[derive(Debug, Serialize)]
struct NextInvoice {
    date: Date,
    /// Total with tax, before the balance.
    amount: Money,
}

#[derive(Debug, Serialize)]
struct Recurring {
    amount: Money,
    interval: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    /// The lines' sum, before tax.
    amount: Money,
    as_of: DateTime,
}

impl Preview {
    /// `now` is the change's own invoice with the `prices` of its lines, `next` the first regular one after
    /// it, `quote` the sealed token.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum of amounts overflows.
    pub fn of(
        change: &Change<'_>,
        now: &Invoice,
        prices: &LinePrices<'_>,
        next: &Invoice,
        quote: String,
    ) -> Result<Self, StripeError> {
        let line = |line: &Line| PreviewLine {
            description: line.description.clone(),
            amount: Money::new(line.amount, now.currency),
            proration: line.is_proration(),
            period_start: line.period.start.date(),
            period_end: line.period.end.date(),
            meter: prices.meter(line).map(str::to_owned),
        };
        let usage = || {
            let as_of = now.created.date_time();
            usage(now, prices).map(|amount| Usage { amount, as_of })
        };
        Ok(Self {
            plan: change.to.tier.clone(),
            proration_amount: charge(now),
            currency: now.currency,
            breakdown: Breakdown::of(now)?,
            lines: now.lines.data.iter().map(line).collect(),
            direction: change.direction(),
            effective_at: proration_date(now).unwrap_or(now.created).date_time(),
            next_invoice: NextInvoice {
                date: next_date(change, now).date(),
                amount: Money::new(next.total, next.currency),
            },
            recurring: Recurring {
                amount: change.to.amount,
                interval: change.to.interval.as_str(),
            },
            usage: change.resets_cycle.then(usage).transpose()?,
            quote,
        })
    }
}

impl Preview {
    /// Returns the preview of a change at the end of the period. `next` is an invoice of the new plan without usage.
    pub fn later(change: &Change<'_>, next: &Invoice, quote: String) -> Self {
        let at = change.period_end();
        let balance = next.starting_balance.checked_neg().unwrap_or(i64::MAX);
        Self {
            plan: change.to.tier.clone(),
            proration_amount: Money::new(0, next.currency),
            currency: next.currency,
            breakdown: Breakdown::nothing(Money::new(balance, next.currency)),
            lines: Vec::new(),
            direction: change.direction(),
            effective_at: at.date_time(),
            next_invoice: NextInvoice {
                date: at.date(),
                amount: Money::new(next.total, next.currency),
            },
            recurring: Recurring {
                amount: change.to.amount,
                interval: change.to.interval.as_str(),
            },
            usage: None,
            quote,
        }
    }
}

/// Returns when the subscription is billed next after the change.
fn next_date(change: &Change<'_>, now: &Invoice) -> Timestamp {
    let subscription = change.subscription;
    let period_end = change.from.item.current_period_end;
    match subscription.status {
        SubscriptionStatus::Trialing => subscription.trial_end.unwrap_or(period_end),
        // The invoice of the change bills the new period, which ends last.
        _ if change.resets_cycle => {
            let whole = now.lines.data.iter().filter(|line| !line.is_proration());
            whole.map(|line| line.period.end).max().unwrap_or(period_end)
        }
        _ => period_end,
    }
}
