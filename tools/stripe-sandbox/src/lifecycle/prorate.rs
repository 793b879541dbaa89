//! A change of items, worked out without being made: the new subscription, the prorations, and the
//! lines of whole periods where the cycle starts anew. Preview and update share it, so that a quote
//! and the change that follows it are the same to the cent.

use super::discounts::Redeemer;
use super::swap::{ItemsChange, Swap, swaps};
use crate::engine::proration;
use crate::model::invoice::Line;
use crate::model::subscription::{
    BillingMode, Debit, Item, ProrationBehavior, Status, Subscription,
};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::values::pricing::Amount;
use crate::world::World;

/// The outcome of a change.
pub struct Changed {
    pub sub: Subscription,
    /// Credits first, then debits.
    pub prorations: Vec<Line>,
    /// Ordinary lines of the periods that begin now.
    pub periods: Vec<Line>,
    /// The moment for which it was computed.
    pub date: Timestamp,
    /// Items whose usage so far is billed by this.
    pub swept: Vec<String>,
    /// The cycle starts anew, so an invoice is due whatever the proration behaviour.
    pub reset: bool,
}

struct Plan<'a> {
    world: &'a World,
    now: Timestamp,
    date: Timestamp,
    prorated: bool,
    reset: bool,
    /// All items as they will be.
    after: Vec<Item>,
    credits: Vec<Line>,
    debits: Vec<Line>,
    swept: Vec<String>,
}

pub fn change_items(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Changed> {
    let date = check_date(sub, change, now)?;
    let new = swaps(world, sub, change, redeemer, now)?;
    // A trial goes on to its end, and nothing is charged before that.
    let trialing = sub.status == Status::Trialing;
    let reset = !trialing && (change.anchor_now || classic_reset(world, sub, &new));
    let prorated = !trialing && change.behavior != ProrationBehavior::None;
    let mut plan = Plan {
        world,
        now,
        date,
        prorated,
        reset,
        after: new.iter().filter_map(|swap| swap.new.clone()).collect(),
        credits: Vec::new(),
        debits: Vec::new(),
        swept: Vec::new(),
    };
    let (sub, periods) = plan.apply(sub, new);
    let Plan { credits, debits, swept, .. } = plan;
    let prorations = credits.into_iter().chain(debits).collect();
    Ok(Changed { sub, prorations, periods, date, swept, reset })
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
    // Within the current period of every item: in an earlier one of the shortest, its price would be
    // charged for a time that has been paid.
    let start = sub.items.iter().map(|item| item.period.0).max().unwrap_or(now);
    if date < start || sub.next_period_end().is_some_and(|end| date >= end) {
        return Err(ApiError::invalid(
            "Invalid proration date: it must be within the current billing period of the subscription.",
        )
        .param("proration_date"));
    }
    Ok(date)
}

/// Classic billing starts the cycle anew by itself: on a change of interval, and from free to paid.
fn classic_reset(world: &World, sub: &Subscription, swaps: &[Swap]) -> bool {
    if sub.mode != BillingMode::Classic || sub.status == Status::Trialing {
        return false;
    }
    let interval = |item: &Item| world.context(sub, item).interval();
    let changed = |swap: &Swap| match swap {
        Swap { old: Some(old), new: Some(new) } => interval(old) != interval(new),
        _ => false,
    };
    let free =
        |item: &Item| world.price(&item.price).amount_in(sub.currency).is_some_and(Amount::is_free);
    let was_free = swaps.iter().filter_map(|swap| swap.old.as_ref()).all(free);
    let is_free = swaps.iter().filter_map(|swap| swap.new.as_ref()).all(free);
    swaps.iter().any(changed) || (was_free && !is_free)
}

/// Classic billing forgets the usage of an item that goes, and in a trial it is free.
fn bills_usage(sub: &Subscription) -> bool {
    sub.mode == BillingMode::Flexible && sub.status != Status::Trialing
}

impl Plan<'_> {
    fn apply(&mut self, sub: &Subscription, swaps: Vec<Swap>) -> (Subscription, Vec<Line>) {
        let mut next = sub.clone();
        if self.reset {
            next.anchor = self.now;
        }
        next.items.clear();
        let mut periods = Vec::new();
        for swap in swaps {
            if swap.is_nothing() && !self.reset {
                next.items.extend(swap.new);
                continue;
            }
            let keeps_counting = swap.keeps_counting() && !self.reset;
            let Swap { old, new } = swap;
            let debits = old.as_ref().map(|old| self.close(sub, old, keeps_counting));
            let Some(mut item) = new else { continue };
            item.debits = debits.unwrap_or_default();
            if item.quantity.is_none() && !keeps_counting {
                item.usage = self.world.rest_of_usage(self.counted_from(sub, &item));
            }
            self.begin(&next, &mut item, &mut periods);
            next.items.push(item);
        }
        (next, periods)
    }

    /// Credits the unused time of an item that is changed or removed, and bills usage that would be
    /// lost otherwise. Returns the debits that are left.
    fn close(&mut self, sub: &Subscription, old: &Item, keeps_counting: bool) -> Vec<Debit> {
        if old.quantity.is_none() {
            if !keeps_counting && bills_usage(sub) {
                self.debits.extend(self.world.closing_usage(sub, old, self.now));
                self.swept.push(old.id.clone());
            }
            return Vec::new();
        }
        if !self.prorated {
            return if self.reset { Vec::new() } else { old.debits.clone() };
        }
        let cost = self.world.cost(sub, &sub.items, old, self.date);
        let (lines, debits) = proration::credit(self.world.context(sub, old), &cost, self.date);
        self.credits.extend(lines);
        debits
    }

    /// Where the usage of a price begins that comes into force now. What is reported late, about the
    /// time of a price that had the same meter, is billed at the price of now.
    fn counted_from(&self, sub: &Subscription, item: &Item) -> Timestamp {
        let meter = |item: &Item| self.world.price(&item.price).meter().map(str::to_owned);
        let before = sub.items.iter().filter(|old| bills_usage(sub) && meter(old) == meter(item));
        before.map(|old| old.usage.from).min().unwrap_or(self.now)
    }

    /// Gives the new item its period and charges it: the rest of a running one, or a whole one.
    fn begin(&mut self, next: &Subscription, item: &mut Item, periods: &mut Vec<Line>) {
        let trialing = next.status == Status::Trialing;
        let context = self.world.context(next, item);
        let interval = context.interval();
        if trialing {
            item.period =
                next.trial.map_or(item.period, |(start, end)| (start.max(item.created), end));
            return;
        }
        if self.reset {
            item.period = interval.period_at(self.now, self.now);
            let context = self.world.context(next, item);
            periods.extend(context.period_ahead(item.period));
            return;
        }
        item.period = interval.period_at(next.anchor, self.date.max(next.start));
        if item.quantity.is_some() && self.prorated {
            let cost = self.world.cost(next, &self.after, item, self.date);
            let context = self.world.context(next, item);
            let (line, debit) = proration::debit(context, &cost, self.date);
            item.debits.push(debit);
            self.debits.push(line);
        }
    }
}

/// Credits for the licensed items' time from the moment that `from` names for each, and the debits
/// that are left.
pub fn give_back(
    world: &World,
    sub: &mut Subscription,
    from: impl Fn(&Item) -> Option<Timestamp>,
) -> Vec<Line> {
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let Some(at) = from(old).filter(|_| old.quantity.is_some()) else { continue };
        let cost = world.cost(&snapshot, &snapshot.items, old, at);
        let (credits, debits) = proration::credit(world.context(&snapshot, old), &cost, at);
        item.debits = debits;
        lines.extend(credits);
    }
    lines
}

pub fn metered(sub: &Subscription) -> impl Iterator<Item = &Item> {
    sub.items.iter().filter(|item| item.quantity.is_none())
}

/// The lines of what was used up to now and is not billed yet. Nothing under classic billing.
pub fn usage_so_far(world: &World, sub: &Subscription, now: Timestamp) -> Vec<Line> {
    let billed = metered(sub).filter(|_| bills_usage(sub));
    billed.flat_map(|item| world.closing_usage(sub, item, now)).collect()
}
