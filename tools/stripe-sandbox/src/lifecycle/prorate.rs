//! A change of items, worked out without being made: the new subscription, the prorations, and the
//! lines of whole periods where the cycle starts anew. Preview and update share it, so that a quote
//! and the change that follows it are the same to the cent.

use super::draft::debit_of;
use super::items::make_item;
use super::subscribe::NewItem;
use crate::engine::invoice::add_up;
use crate::engine::period::Timestamp;
use crate::engine::proration;
use crate::http::errors::{ApiError, Result};
use crate::http::params::MetadataChange;
use crate::model::invoice::{Line, Origin};
use crate::model::subscription::{BillingMode, Debit, Item, Status, Subscription};
use crate::model::{Metadata, words};
use crate::world::World;

words!(ProrationBehavior { AlwaysInvoice = "always_invoice", CreateProrations = "create_prorations", None = "none" });

/// One entry of `items` in an update or a preview.
#[derive(Clone, Debug, Default)]
pub struct ItemChange {
    pub id: Option<String>,
    pub price: Option<String>,
    pub quantity: Option<i64>,
    pub deleted: bool,
    pub tax_rates: Option<Vec<String>>,
    pub metadata: Option<MetadataChange>,
}

/// What is to be changed about the items and their cycle.
#[derive(Clone, Debug)]
pub struct ItemsChange {
    pub items: Vec<ItemChange>,
    /// `billing_cycle_anchor[type]=now`.
    pub anchor_now: bool,
    pub behavior: ProrationBehavior,
    pub date: Option<Timestamp>,
}

/// The outcome of a change.
pub struct Changed {
    pub sub: Subscription,
    /// Credits first, then debits.
    pub prorations: Vec<Line>,
    /// Ordinary lines of the periods that begin now.
    pub periods: Vec<Line>,
    /// The moment for which it was computed.
    pub date: Timestamp,
    /// The cycle starts anew, so an invoice is due whatever the proration behaviour.
    pub reset: bool,
}

struct Plan<'a> {
    world: &'a World,
    now: Timestamp,
    date: Timestamp,
    prorated: bool,
    reset: bool,
    credits: Vec<Line>,
    debits: Vec<Line>,
}

pub fn change_items(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    now: Timestamp,
) -> Result<Changed> {
    let date = check_date(sub, change, now)?;
    let new = swaps(world, sub, change, now)?;
    let reset = change.anchor_now || classic_reset(world, sub, &new);
    let prorated = change.behavior != ProrationBehavior::None && sub.status != Status::Trialing;
    let mut plan =
        Plan { world, now, date, prorated, reset, credits: Vec::new(), debits: Vec::new() };
    let periods = plan.apply(sub, new);
    let Plan { credits, debits, .. } = plan;
    let prorations = credits.into_iter().chain(debits).collect();
    Ok(Changed { sub: periods.0, prorations, periods: periods.1, date, reset })
}

fn check_date(sub: &Subscription, change: &ItemsChange, now: Timestamp) -> Result<Timestamp> {
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
    let start = sub.items.iter().map(|item| item.period.0).min().unwrap_or(now);
    if date < start || sub.next_period_end().is_some_and(|end| date > end) {
        return Err(ApiError::invalid(
            "Invalid proration date: it must be within the current billing period of the subscription.",
        )
        .param("proration_date"));
    }
    Ok(date)
}

/// An item before and after the change; one side is missing if it is new or goes.
struct Swap {
    old: Option<Item>,
    new: Option<Item>,
}

/// The items as they are asked for, each beside the one that it replaces.
fn swaps(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    now: Timestamp,
) -> Result<Vec<Swap>> {
    let keep = |item: &Item| Swap { old: Some(item.clone()), new: Some(item.clone()) };
    let mut swaps: Vec<Swap> = sub.items.iter().map(keep).collect();
    for entry in &change.items {
        let Some(id) = &entry.id else {
            swaps.push(Swap { old: None, new: Some(added(world, sub, entry, now)?) });
            continue;
        };
        let swap = swaps
            .iter_mut()
            .find(|swap| swap.old.as_ref().is_some_and(|old| old.id == *id))
            .ok_or_else(|| ApiError::no_such_param("subscription item", id, "items"))?;
        let old = swap.old.as_ref().expect("found by its id");
        swap.new = if entry.deleted { None } else { Some(replaced(world, sub, old, entry)?) };
    }
    check_left(&swaps)?;
    Ok(swaps)
}

fn check_left(swaps: &[Swap]) -> Result<()> {
    let left: Vec<&Item> = swaps.iter().filter_map(|swap| swap.new.as_ref()).collect();
    if left.is_empty() {
        return Err(ApiError::invalid(
            "A subscription must have at least one active plan. To cancel, please use the cancel API endpoint on the subscription.",
        ));
    }
    for (index, item) in left.iter().enumerate() {
        if left[..index].iter().any(|before| before.price == item.price) {
            return Err(ApiError::invalid(format!(
                "Cannot add multiple subscription items with the same plan: {}",
                item.price
            )));
        }
    }
    Ok(())
}

fn added(
    world: &mut World,
    sub: &Subscription,
    entry: &ItemChange,
    now: Timestamp,
) -> Result<Item> {
    let price = entry.price.clone().ok_or_else(|| ApiError::missing_param("items[price]"))?;
    let new = NewItem {
        price,
        quantity: entry.quantity,
        tax_rates: entry.tax_rates.clone().unwrap_or_default(),
        coupons: Vec::new(),
        metadata: Metadata::new(),
    };
    let id = world.ids.id("si");
    let mut item = make_item(world, &new, id, Vec::new(), sub.currency, now)?;
    merge_metadata(&mut item, entry);
    Ok(item)
}

/// A changed price resets the quantity to 1 unless a quantity comes with it.
fn replaced(world: &World, sub: &Subscription, old: &Item, entry: &ItemChange) -> Result<Item> {
    let price = entry.price.clone().unwrap_or_else(|| old.price.clone());
    let quantity = match (entry.quantity, price == old.price) {
        (None, true) => old.quantity,
        (quantity, _) => quantity,
    };
    let new = NewItem {
        price,
        quantity,
        tax_rates: entry.tax_rates.clone().unwrap_or_else(|| old.tax_rates.clone()),
        coupons: Vec::new(),
        metadata: old.metadata.clone(),
    };
    let mut item =
        make_item(world, &new, old.id.clone(), old.discounts.clone(), sub.currency, old.created)?;
    item.period = old.period;
    item.usage_from = old.usage_from;
    item.debits.clone_from(&old.debits);
    merge_metadata(&mut item, entry);
    Ok(item)
}

fn merge_metadata(item: &mut Item, entry: &ItemChange) {
    if let Some(change) = entry.metadata.clone() {
        change.apply(&mut item.metadata);
    }
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
    let free = |item: &Item| {
        world
            .price(&item.price)
            .amount_in(sub.currency)
            .is_some_and(super::super::engine::pricing::Amount::is_free)
    };
    let was_free = swaps.iter().filter_map(|swap| swap.old.as_ref()).all(free);
    let is_free = swaps.iter().filter_map(|swap| swap.new.as_ref()).all(free);
    swaps.iter().any(changed) || (was_free && !is_free)
}

impl Plan<'_> {
    fn apply(&mut self, sub: &Subscription, swaps: Vec<Swap>) -> (Subscription, Vec<Line>) {
        let mut next = sub.clone();
        if self.reset {
            next.anchor = self.now;
        }
        next.items.clear();
        let mut periods = Vec::new();
        for Swap { old, new } in swaps {
            let same = matches!((&old, &new), (Some(old), Some(new)) if old.price == new.price && old.quantity == new.quantity);
            if same && !self.reset {
                next.items.extend(new);
                continue;
            }
            let debits =
                old.as_ref().map(|old| self.close(sub, old, new.as_ref())).unwrap_or_default();
            let Some(mut item) = new else { continue };
            item.debits = debits;
            self.begin(&next, old.as_ref(), &mut item, &mut periods);
            next.items.push(item);
        }
        (next, periods)
    }

    /// Credits the unused time of an item that is changed or removed, and bills usage that would be
    /// lost otherwise. Returns the debits that are left.
    fn close(&mut self, sub: &Subscription, old: &Item, new: Option<&Item>) -> Vec<Debit> {
        let context = self.world.context(sub, old);
        if old.quantity.is_none() {
            let ends = self.reset || new.is_none_or(|new| new.price != old.price);
            if ends && sub.mode == BillingMode::Flexible && sub.status != Status::Trialing {
                // What was used in this very second belongs to an item that goes, else to its successor.
                let until = if new.is_none() { self.now + 1 } else { self.now };
                let lines = self.world.usage_lines(sub, old, (old.usage_from, until));
                // Counted here and now: it must not be counted again when an invoice is finalised.
                let period = (old.usage_from, self.now);
                self.debits.extend(lines.into_iter().map(|line| Line {
                    metered: false,
                    period,
                    ..line
                }));
            }
            return Vec::new();
        }
        if !self.prorated {
            return if self.reset { Vec::new() } else { old.debits.clone() };
        }
        let full = self.net(sub, old);
        let (lines, debits) = proration::credit(context, full, self.date);
        self.credits.extend(lines);
        debits
    }

    /// Gives the new item its period and charges it: the rest of a running one, or a whole one.
    fn begin(
        &mut self,
        next: &Subscription,
        old: Option<&Item>,
        item: &mut Item,
        periods: &mut Vec<Line>,
    ) {
        let trialing = next.status == Status::Trialing;
        let context = self.world.context(next, item);
        let interval = context.interval();
        if trialing {
            item.period =
                next.trial.map_or(item.period, |(start, end)| (start.max(item.created), end));
            return;
        }
        let usage_went_on = old.is_some_and(|old| old.price == item.price) && !self.reset;
        if !usage_went_on {
            item.usage_from = self.now;
        }
        if self.reset {
            item.period = interval.period_at(self.now, self.now);
            let context = self.world.context(next, item);
            periods.extend(context.period_ahead(item.period));
            return;
        }
        item.period = interval.period_at(next.anchor, self.date.max(next.start));
        if item.quantity.is_some() && self.prorated {
            let full = self.net(next, item);
            let line = proration::debit(self.world.context(next, item), full, self.date);
            item.debits.push(debit_of(&line, None));
            self.debits.push(line);
        }
    }

    /// What a whole period of the item costs after its discounts.
    fn net(&self, sub: &Subscription, item: &Item) -> i64 {
        let mut lines = self.world.context(sub, item).period_ahead(item.period);
        let discounts = self.world.discounts_in_force(&sub.discounts, self.date);
        let fixed = |id: &String| self.world.applied(std::slice::from_ref(id));
        let applied: Vec<_> = discounts.iter().flat_map(fixed).collect();
        let own = self.world.applied(&item.discounts);
        add_up(&mut lines, &own, &applied, &[], sub.currency).total
    }
}

/// Turns proration lines into lines that come from invoice items, with ids for both, and tells the
/// items' debits where they were charged.
pub fn as_invoice_items(world: &mut World, changed: &mut Changed) -> Vec<(String, Line)> {
    let mut items = Vec::new();
    for line in &mut changed.prorations {
        let id = world.ids.id("ii");
        if let Origin::SubscriptionItem { invoice_item, .. } = &mut line.origin {
            *invoice_item = Some(id.clone());
        }
        items.push((id, line.clone()));
    }
    items
}
