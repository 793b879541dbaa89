//! What an update makes of a subscription, and the invoice for it, worked out without being made.
//!
//! A preview shows what is here and an update carries it out, so the two cannot differ.

use super::discounts::Redeemer;
use super::draft::{NewInvoice, invoice_item, set_against};
use super::one_off::{OneOff, one_offs};
use super::prorate::{Changed, change_items};
use super::refusals::chargeable;
use super::swap::ItemsChange;
use super::{pending_update, trial};
use crate::model::invoice::{BillingReason, Invoice, InvoiceItem, Line, Origin};
use crate::model::subscription::{BillingMode, Debit, ProrationBehavior, Status, Subscription};
use crate::values::errors::Result;
use crate::values::period::Timestamp;
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    Now,
    At(Timestamp),
}

impl TrialEnd {
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            TrialEnd::Now => now,
            TrialEnd::At(at) => at,
        }
    }
}

/// The part of an update that may cost money.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub items: Option<ItemsChange>,
    pub trial_end: Option<TrialEnd>,
    /// For a trial that begins in the middle of a paid period.
    pub behavior: Option<ProrationBehavior>,
    pub date: Option<Timestamp>,
    /// Charged once, with the next invoice.
    pub extras: Vec<OneOff>,
}

impl Wish {
    pub fn is_nothing(&self) -> bool {
        self.items.is_none() && self.trial_end.is_none() && self.extras.is_empty()
    }
}

pub struct Planned {
    /// The subscription as it will be.
    pub sub: Subscription,
    /// Prorations and usage of what goes. They wait for the next invoice if there is none now.
    pub items: Vec<InvoiceItem>,
    /// Items that waited for an invoice, and are on this one.
    pub waited: Vec<InvoiceItem>,
    /// The invoice that is due at once: a draft that is not kept yet.
    pub invoice: Option<Invoice>,
    /// The moment that prorations were computed for.
    pub date: Option<Timestamp>,
    /// Items whose usage so far is billed.
    pub swept: Vec<String>,
    pub reset: bool,
}

impl Planned {
    pub fn unchanged(sub: &Subscription) -> Planned {
        Planned {
            sub: sub.clone(),
            items: Vec::new(),
            waited: Vec::new(),
            invoice: None,
            date: None,
            swept: Vec::new(),
            reset: false,
        }
    }
}

pub fn plan(
    world: &mut World,
    before: &Subscription,
    wish: &Wish,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Planned> {
    let mut planned = Planned::unchanged(before);
    let mut periods = Vec::new();
    let mut at_once = begin_trial(world, &mut planned, wish, now)?;
    if let Some(change) = &wish.items {
        let date = change.date.filter(|_| planned.date.is_none());
        let change = ItemsChange { date, ..change.clone() };
        let start = planned.sub.clone();
        let changed = change_items(world, &start, &change, redeemer, now)?;
        planned.date = planned.date.or(Some(changed.date));
        planned.reset = changed.reset;
        planned.swept.extend(changed.swept.iter().cloned());
        periods = take(world, &mut planned, changed, now);
        let always = change.behavior == ProrationBehavior::AlwaysInvoice;
        at_once |= planned.reset || (always && !planned.items.is_empty());
    }
    if let Some(end) = wish.trial_end {
        let begun = move_trial_end(world, &mut planned.sub, end, now)?;
        at_once |= begun.is_some();
        periods.extend(begun.unwrap_or_default());
    }
    // One-offs alone make no invoice of their own in flexible billing.
    at_once |= wish.behavior == Some(ProrationBehavior::AlwaysInvoice)
        && !wish.extras.is_empty()
        && before.mode == BillingMode::Classic;
    let extras = one_offs(world, &planned.sub, &wish.extras, redeemer, now)?;
    planned.items.extend(extras);
    if at_once {
        draft(world, before, &mut planned, periods, now);
    }
    if let Some(invoice) = &planned.invoice {
        chargeable(invoice)?;
    }
    Ok(planned)
}

/// A trial for a subscription that has none: says whether there is an invoice for that at once.
fn begin_trial(
    world: &mut World,
    planned: &mut Planned,
    wish: &Wish,
    now: Timestamp,
) -> Result<bool> {
    let Some(TrialEnd::At(end)) = wish.trial_end else { return Ok(false) };
    if planned.sub.status == Status::Trialing {
        return Ok(false);
    }
    let behavior = wish.behavior.unwrap_or(ProrationBehavior::CreateProrations);
    let begun = trial::begin(world, &planned.sub, end, behavior, wish.date, now)?;
    let always = behavior == ProrationBehavior::AlwaysInvoice && !begun.prorations.is_empty();
    planned.date = Some(begun.date);
    planned.swept.clone_from(&begun.swept);
    take(world, planned, begun, now);
    Ok(always)
}

/// Makes the prorations invoice items, and returns the lines of whole periods.
fn take(world: &mut World, planned: &mut Planned, changed: Changed, now: Timestamp) -> Vec<Line> {
    planned.sub = changed.sub;
    for line in changed.prorations {
        let charges = line.proration && !line.credit;
        let item = invoice_item(world, &planned.sub, line, now);
        if charges {
            link_debit(&mut planned.sub, &item);
        }
        planned.items.push(item);
    }
    changed.periods
}

/// The debit that the change gave an item is this proration.
fn link_debit(sub: &mut Subscription, proration: &InvoiceItem) {
    let Origin::SubscriptionItem { item, .. } = &proration.line.origin else { return };
    let item = sub.items.iter_mut().find(|mine| mine.id == *item);
    let unnamed = |debit: &&mut Debit| debit.invoice.is_none() && debit.invoice_item.is_none();
    if let Some(debit) = item.and_then(|item| item.debits.iter_mut().find(unnamed)) {
        debit.invoice_item = Some(proration.id.clone());
    }
}

/// The lines of the periods that begin if the trial ends now.
fn move_trial_end(
    world: &World,
    sub: &mut Subscription,
    end: TrialEnd,
    now: Timestamp,
) -> Result<Option<Vec<Line>>> {
    match end {
        TrialEnd::At(at) => trial::set_end(sub, at, now).map(|()| None),
        // There is no trial to end.
        TrialEnd::Now if sub.status != Status::Trialing => Ok(None),
        TrialEnd::Now => {
            sub.trial = sub.trial.map(|(start, _)| (start, now));
            sub.status = Status::Active;
            Ok(Some(trial::paid_periods(world, sub, now)))
        }
    }
}

/// The invoice of a change: its prorations, what was pending before it, and periods that begin now.
pub fn draft(
    world: &mut World,
    before: &Subscription,
    planned: &mut Planned,
    periods: Vec<Line>,
    now: Timestamp,
) {
    let waited = world.pending_items(before);
    let items = planned.items.iter().chain(&waited).map(|item| item.line.clone());
    let lines: Vec<Line> = items.chain(periods).collect();
    if lines.is_empty() {
        return;
    }
    let start = before.items.iter().map(|item| item.period.0).min().unwrap_or(now);
    let reason = BillingReason::SubscriptionUpdate;
    let new = NewInvoice { reason, lines, period: (start.min(now), now), created: now };
    let mut invoice = world.draft(&planned.sub, new);
    invoice.auto_advance = false;
    // A change that still waits gives way to this one, and what it holds of the balance comes back.
    let balance = invoice.starting_balance + pending_update::held_balance(world, before);
    set_against(&mut invoice, balance);
    planned.waited = waited;
    planned.invoice = Some(invoice);
}
