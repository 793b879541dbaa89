//! Plans an update: the changed subscription and the invoice, without storing them.
//!
//! Previews and updates share this plan, so their amounts are equal.

use super::add_invoice_items::{AddInvoiceItem, make_invoice_items};
use super::discounts::Redeemer;
use super::draft::{NewInvoice, invoice_item, set_amount_due};
use super::errors::check_amount;
use super::item_diff::ItemsChange;
use super::prorate::{ProratedChange, change_items};
use super::trial::TrialOutcome;
use super::{pending_update, trial};
use crate::model::invoice::{BillingReason, Invoice, InvoiceItem, Line, Origin};
use crate::model::subscription::{
    BillingMode, Debit, PauseReason, ProrationBehavior, Status, Subscription,
};
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

/// Part of an update that can change amounts.
#[derive(Clone, Debug, Default)]
pub struct BillingChange {
    pub items: Option<ItemsChange>,
    pub trial_end: Option<TrialEnd>,
    /// For a trial that begins in the middle of a paid period.
    pub behavior: Option<ProrationBehavior>,
    pub date: Option<Timestamp>,
    /// Charged once, on the next invoice.
    pub add_invoice_items: Vec<AddInvoiceItem>,
}

impl BillingChange {
    pub fn is_empty(&self) -> bool {
        self.items.is_none() && self.trial_end.is_none() && self.add_invoice_items.is_empty()
    }
}

pub struct PlannedChange {
    /// The subscription after the change.
    pub sub: Subscription,
    /// Prorations and accrued usage of replaced items. Pending for the next invoice, unless the
    /// change has one.
    pub items: Vec<InvoiceItem>,
    /// Previously pending items that are on the change's invoice.
    pub pending_items: Vec<InvoiceItem>,
    /// The change's invoice: a draft that is not stored yet.
    pub invoice: Option<Invoice>,
    /// Time that prorations were computed for.
    pub date: Option<Timestamp>,
    /// IDs of the items whose accrued usage is billed.
    pub billed_usage: Vec<String>,
    pub reset: bool,
    /// The change ends a trial whose settings cancel the subscription.
    pub cancels: bool,
}

impl PlannedChange {
    pub fn unchanged(sub: &Subscription) -> PlannedChange {
        PlannedChange {
            sub: sub.clone(),
            items: Vec::new(),
            pending_items: Vec::new(),
            invoice: None,
            date: None,
            billed_usage: Vec::new(),
            reset: false,
            cancels: false,
        }
    }
}

pub fn plan(
    world: &mut World,
    before: &Subscription,
    billing: &BillingChange,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<PlannedChange> {
    let mut planned = PlannedChange::unchanged(before);
    let mut periods = Vec::new();
    let mut at_once = begin_trial(world, &mut planned, billing, now)?;
    if let Some(change) = &billing.items {
        let date = change.date.filter(|_| planned.date.is_none());
        let change = ItemsChange { date, ..change.clone() };
        let start = planned.sub.clone();
        let changed = change_items(world, &start, &change, redeemer, now)?;
        planned.date = planned.date.or(Some(changed.date));
        planned.reset = changed.reset;
        planned.billed_usage.extend(changed.billed_usage.iter().cloned());
        at_once |= changed.invoices_now;
        periods = add_prorations(world, &mut planned, changed, now);
        let always = change.behavior == ProrationBehavior::AlwaysInvoice;
        at_once |= always && !planned.items.is_empty();
    }
    if let Some(end) = billing.trial_end {
        let begun = move_trial_end(world, &mut planned, end, now)?;
        at_once |= begun.is_some();
        periods.extend(begun.unwrap_or_default());
    }
    // In flexible billing, `add_invoice_items` alone creates no invoice.
    at_once |= billing.behavior == Some(ProrationBehavior::AlwaysInvoice)
        && !billing.add_invoice_items.is_empty()
        && before.mode == BillingMode::Classic;
    let added = make_invoice_items(world, &planned.sub, &billing.add_invoice_items, redeemer, now)?;
    planned.items.extend(added);
    if at_once {
        draft_change_invoice(world, before, &mut planned, periods, now);
    }
    if let Some(invoice) = &planned.invoice {
        check_amount(invoice)?;
    }
    Ok(planned)
}

/// Starts a trial of a subscription that has none. Returns whether this creates an invoice.
fn begin_trial(
    world: &mut World,
    planned: &mut PlannedChange,
    billing: &BillingChange,
    now: Timestamp,
) -> Result<bool> {
    let Some(TrialEnd::At(end)) = billing.trial_end else { return Ok(false) };
    if planned.sub.status == Status::Trialing {
        return Ok(false);
    }
    let behavior = billing.behavior.unwrap_or(ProrationBehavior::CreateProrations);
    let begun = trial::begin(world, &planned.sub, end, behavior, billing.date, now)?;
    let always = behavior == ProrationBehavior::AlwaysInvoice && !begun.prorations.is_empty();
    planned.date = Some(begun.date);
    planned.billed_usage.clone_from(&begun.billed_usage);
    add_prorations(world, planned, begun, now);
    Ok(always)
}

/// Turns the prorations into invoice items and returns the lines of whole periods.
fn add_prorations(
    world: &mut World,
    planned: &mut PlannedChange,
    changed: ProratedChange,
    now: Timestamp,
) -> Vec<Line> {
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

/// Links the item's new debit to the invoice item of its proration.
fn link_debit(sub: &mut Subscription, proration: &InvoiceItem) {
    let Origin::SubscriptionItem { item, .. } = &proration.line.origin else { return };
    let item = sub.items.iter_mut().find(|mine| mine.id == *item);
    let unlinked = |debit: &&mut Debit| debit.invoice.is_none() && debit.invoice_item.is_none();
    if let Some(debit) = item.and_then(|item| item.debits.iter_mut().find(unlinked)) {
        debit.invoice_item = Some(proration.id.clone());
    }
}

/// Moves the end of the trial. Returns the lines of the periods that begin if it ends now, else
/// None.
fn move_trial_end(
    world: &World,
    planned: &mut PlannedChange,
    end: TrialEnd,
    now: Timestamp,
) -> Result<Option<Vec<Line>>> {
    let sub = &mut planned.sub;
    match end {
        TrialEnd::At(at) => return trial::set_end(sub, at, now).map(|()| None),
        TrialEnd::Now if sub.status != Status::Trialing => return Ok(None),
        TrialEnd::Now => {}
    }
    match trial::outcome(world, sub) {
        TrialOutcome::Bills => {
            sub.trial = sub.trial.map(|(start, _)| (start, now));
            sub.status = Status::Active;
            return Ok(Some(trial::paid_periods(world, sub, now)));
        }
        TrialOutcome::Pauses => {
            trial::end_at(sub, now);
            sub.pause(PauseReason::TrialEndWithoutPaymentMethod, None, now);
        }
        TrialOutcome::Cancels => {
            trial::end_at(sub, now);
            planned.cancels = true;
        }
    }
    Ok(None)
}

/// Drafts the invoice of a change: its prorations, pending items, and periods that begin now.
pub fn draft_change_invoice(
    world: &mut World,
    before: &Subscription,
    planned: &mut PlannedChange,
    periods: Vec<Line>,
    now: Timestamp,
) {
    let pending_items = world.pending_items(before);
    let items = planned.items.iter().chain(&pending_items).map(|item| item.line.clone());
    let lines: Vec<Line> = items.chain(periods).collect();
    if lines.is_empty() {
        return;
    }
    let old_start = before.items.iter().map(|item| item.period.0).min();
    let start = old_start.filter(|_| !planned.reset).unwrap_or(now);
    let reason = BillingReason::SubscriptionUpdate;
    let new = NewInvoice { reason, lines, period: (start.min(now), now), created: now };
    let mut invoice = world.draft_invoice(&planned.sub, new);
    invoice.auto_advance = false;
    // The update replaces a pending update, whose invoice gives its balance back.
    let balance = invoice.starting_balance + pending_update::held_balance(world, before);
    set_amount_due(&mut invoice, balance);
    planned.pending_items = pending_items;
    planned.invoice = Some(invoice);
}
