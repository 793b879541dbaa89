//! Proration of a change of items: the changed subscription, the proration lines, and the lines of
//! whole periods if the billing cycle restarts.

use super::discounts::Redeemer;
use super::item_diff::{ItemDiff, ItemsChange, item_diffs};
use crate::engine::proration;
use crate::model::invoice::Line;
use crate::model::subscription::{
    BillingMode, Debit, Item, ProrationBehavior, Status, Subscription,
};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::values::pricing::Amount;
use crate::world::World;

/// Result of a prorated change.
pub struct ProratedChange {
    pub sub: Subscription,
    /// Credits, then debits.
    pub prorations: Vec<Line>,
    /// Lines of whole periods that begin now.
    pub periods: Vec<Line>,
    /// Time that prorations were computed for.
    pub date: Timestamp,
    /// IDs of the items whose accrued usage is billed.
    pub billed_usage: Vec<String>,
    /// The billing cycle restarts.
    pub reset: bool,
    /// An invoice is due, whatever the proration behavior.
    pub invoices_now: bool,
}

struct Proration<'a> {
    world: &'a World,
    now: Timestamp,
    date: Timestamp,
    prorated: bool,
    reset: bool,
    /// All items after the change.
    after: Vec<Item>,
    credits: Vec<Line>,
    debits: Vec<Line>,
    billed_usage: Vec<String>,
}

pub fn change_items(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<ProratedChange> {
    let date = check_date(sub, change, now)?;
    let new = item_diffs(world, sub, change, redeemer, now)?;
    // A trial continues to its end, without charges.
    let trialing = sub.status == Status::Trialing;
    let reset = !trialing && (change.anchor_now || classic_reset(world, sub, &new));
    let prorated = !trialing && change.behavior != ProrationBehavior::None;
    let mut plan = Proration {
        world,
        now,
        date,
        prorated,
        reset,
        after: new.iter().filter_map(|diff| diff.new.clone()).collect(),
        credits: Vec::new(),
        debits: Vec::new(),
        billed_usage: Vec::new(),
    };
    let (sub, periods) = plan.apply(sub, new);
    let Proration { credits, debits, billed_usage, .. } = plan;
    let prorations = credits.into_iter().chain(debits).collect();
    // In flexible billing, a restart of the cycle alone only adds time to the paid period.
    let only_extends = prorated && periods.is_empty() && sub.mode == BillingMode::Flexible;
    let invoices_now = reset && !only_extends;
    Ok(ProratedChange { sub, prorations, periods, date, billed_usage, reset, invoices_now })
}

pub fn check_date(sub: &Subscription, change: &ItemsChange, now: Timestamp) -> Result<Timestamp> {
    let Some(date) = change.date else { return Ok(now) };
    if change.anchor_now {
        return Err(ApiError::invalid(
            "You cannot specify `proration_date` when `billing_cycle_anchor=now`",
        )
        .param("proration_date"));
    }
    if change.behavior == ProrationBehavior::None {
        return Err(ApiError::invalid(
            "You cannot specify `proration_date` when `proration_behavior=none`",
        )
        .param("proration_date"));
    }
    // Within the current period of every item. An earlier date would charge the item with the
    // shortest interval for time that is paid.
    let start = sub.items.iter().map(|item| item.period.0).max().unwrap_or(now);
    if date < start || sub.next_period_end().is_some_and(|end| date >= end) {
        return Err(ApiError::invalid(
            "Invalid proration date: it must be within the current billing period of the subscription.",
        )
        .param("proration_date"));
    }
    Ok(date)
}

/// Classic billing restarts the cycle when an interval changes, and when a free subscription gets a
/// paid price.
fn classic_reset(world: &World, sub: &Subscription, diffs: &[ItemDiff]) -> bool {
    if sub.mode != BillingMode::Classic || sub.status == Status::Trialing {
        return false;
    }
    let interval = |item: &Item| world.item_context(sub, item).interval();
    let changed = |diff: &ItemDiff| match diff {
        ItemDiff { old: Some(old), new: Some(new) } => interval(old) != interval(new),
        _ => false,
    };
    let free =
        |item: &Item| world.price(&item.price).amount_in(sub.currency).is_some_and(Amount::is_free);
    let was_free = diffs.iter().filter_map(|diff| diff.old.as_ref()).all(free);
    let is_free = diffs.iter().filter_map(|diff| diff.new.as_ref()).all(free);
    diffs.iter().any(changed) || (was_free && !is_free)
}

/// Classic billing drops the usage of a removed item. Usage in a trial is free.
fn bills_usage(sub: &Subscription) -> bool {
    sub.mode == BillingMode::Flexible && sub.status != Status::Trialing
}

impl Proration<'_> {
    fn apply(&mut self, sub: &Subscription, diffs: Vec<ItemDiff>) -> (Subscription, Vec<Line>) {
        let mut next = sub.clone();
        if self.reset {
            next.anchor = self.now;
        }
        next.items.clear();
        let mut periods = Vec::new();
        for diff in diffs {
            if diff.is_unchanged() && !self.reset {
                next.items.extend(diff.new);
                continue;
            }
            let keeps_counting = diff.keeps_price() && !self.reset;
            let extends = self.prorated
                && sub.mode == BillingMode::Flexible
                && diff.is_unchanged()
                && diff.new.as_ref().is_some_and(|item| self.adds_time(&next, item));
            let ItemDiff { old, new } = diff;
            if let Some(item) = new.clone().filter(|_| extends) {
                next.items.push(self.extend_item(&next, item));
                continue;
            }
            let debits = old.as_ref().map(|old| self.close_item(sub, old, keeps_counting));
            let Some(mut item) = new else { continue };
            item.debits = debits.unwrap_or_default();
            if item.quantity.is_none() && !keeps_counting {
                item.usage = self.world.skip_reported_usage(self.usage_start(sub, &item));
            }
            self.open_item(&next, &mut item, &mut periods);
            next.items.push(item);
        }
        (next, periods)
    }

    /// Credits the unused time of a changed or removed item, and bills its accrued usage. Returns
    /// the remaining debits. Without prorations Stripe loses the usage, unless the cycle restarts.
    /// Source: <https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup>,
    /// "Update prices mid-cycle".
    fn close_item(&mut self, sub: &Subscription, old: &Item, keeps_counting: bool) -> Vec<Debit> {
        if old.quantity.is_none() {
            let is_billed = bills_usage(sub) && (self.prorated || self.reset);
            if !keeps_counting && is_billed {
                self.debits.extend(self.world.closing_usage(sub, old, self.now));
                self.billed_usage.push(old.id.clone());
            }
            return Vec::new();
        }
        if !self.prorated {
            return if self.reset { Vec::new() } else { old.debits.clone() };
        }
        let cost = self.world.period_cost(sub, &sub.items, old, self.date);
        let (lines, debits) =
            proration::credit(self.world.item_context(sub, old), &cost, self.date, |product| {
                self.world.product(product).name.clone()
            });
        self.credits.extend(lines);
        debits
    }

    /// Returns whether a period of the licensed item that starts now ends after the paid one. A
    /// second restart at the same time adds none, and neither does one after a shorter month.
    fn adds_time(&self, next: &Subscription, item: &Item) -> bool {
        item.quantity.is_some() && self.period_now(next, item).1 > item.period.1
    }

    fn period_now(&self, next: &Subscription, item: &Item) -> (Timestamp, Timestamp) {
        self.world.item_context(next, item).interval().period_at(self.now, self.now)
    }

    /// Moves the item's period to a cycle that starts now. The paid period stays paid, so only the
    /// time after it is charged.
    fn extend_item(&mut self, next: &Subscription, mut item: Item) -> Item {
        let paid_until = item.period.1;
        item.period = self.period_now(next, &item);
        let cost = self.world.period_cost(next, &self.after, &item, self.now);
        let context = self.world.item_context(next, &item);
        let (line, debit) = proration::debit(context, &cost, paid_until);
        item.debits.push(debit);
        self.debits.push(line);
        item
    }

    /// Returns the start of usage that a new price bills. A price on the same meter also bills late
    /// usage of the replaced price.
    fn usage_start(&self, sub: &Subscription, item: &Item) -> Timestamp {
        let meter = |item: &Item| self.world.price(&item.price).meter().map(str::to_owned);
        let before = sub.items.iter().filter(|old| bills_usage(sub) && meter(old) == meter(item));
        before.map(|old| old.usage.from).min().unwrap_or(self.now)
    }

    /// Sets the item's period and charges the rest of it, or a whole period if the cycle restarts.
    fn open_item(&mut self, next: &Subscription, item: &mut Item, periods: &mut Vec<Line>) {
        let trialing = next.status == Status::Trialing;
        if trialing {
            item.period =
                next.trial.map_or(item.period, |(start, end)| (start.max(item.created), end));
            return;
        }
        if self.reset {
            item.period = self.period_now(next, item);
            let context = self.world.item_context(next, item);
            periods.extend(context.period_ahead(item.period));
            return;
        }
        let interval = self.world.item_context(next, item).interval();
        item.period = interval.period_at(next.anchor, self.date.max(next.start));
        if item.quantity.is_some() && self.prorated {
            let cost = self.world.period_cost(next, &self.after, item, self.date);
            let context = self.world.item_context(next, item);
            let (line, debit) = proration::debit(context, &cost, self.date);
            item.debits.push(debit);
            self.debits.push(line);
        }
    }
}

/// Credits the licensed items' time after `from`, and stores the remaining debits on them.
pub fn credit_unused_time(
    world: &World,
    sub: &mut Subscription,
    from: impl Fn(&Item) -> Option<Timestamp>,
) -> Vec<Line> {
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let Some(at) = from(old).filter(|_| old.quantity.is_some()) else { continue };
        let cost = world.period_cost(&snapshot, &snapshot.items, old, at);
        let name_of = |product: &str| world.product(product).name.clone();
        let (credits, debits) =
            proration::credit(world.item_context(&snapshot, old), &cost, at, name_of);
        item.debits = debits;
        lines.extend(credits);
    }
    lines
}

pub fn metered_items(sub: &Subscription) -> impl Iterator<Item = &Item> {
    sub.items.iter().filter(|item| item.quantity.is_none())
}

/// Returns the lines of accrued usage; none under classic billing.
pub fn accrued_usage(world: &World, sub: &Subscription, now: Timestamp) -> Vec<Line> {
    let billed = metered_items(sub).filter(|_| bills_usage(sub));
    billed.flat_map(|item| world.closing_usage(sub, item, now)).collect()
}
