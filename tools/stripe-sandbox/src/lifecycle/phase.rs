//! What a phase of a schedule makes of a subscription's items.

use super::discounts::Redeemer;
use super::swap::{ItemChange, ItemsChange, swaps};
use crate::model::MetadataChange;
use crate::model::invoice::Line;
use crate::model::schedule::{Phase, PhaseItem};
use crate::model::subscription::{Item, ProrationBehavior, Status, Subscription};
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

/// Whether the items are others than the subscription has.
pub fn differs(sub: &Subscription, items: &[PhaseItem]) -> bool {
    let same = |old: &Item| {
        items.iter().any(|item| {
            item.price == old.price
                && item.quantity == old.quantity
                && item.tax_rates == old.tax_rates
        })
    };
    sub.items.len() != items.len() || !sub.items.iter().all(same)
}

/// The way from the subscription's items to these: one with the same price stays what it is, the
/// others go and come.
pub fn changes(sub: &Subscription, items: &[PhaseItem]) -> Vec<ItemChange> {
    let stays = |old: &Item| items.iter().find(|item| item.price == old.price);
    let old = sub.items.iter().map(|old| ItemChange {
        id: Some(old.id.clone()),
        deleted: stays(old).is_none(),
        ..stays(old).map(change_to).unwrap_or_default()
    });
    let is_new = |item: &&PhaseItem| !sub.items.iter().any(|old| old.price == item.price);
    old.chain(items.iter().filter(is_new).map(change_to)).collect()
}

fn change_to(item: &PhaseItem) -> ItemChange {
    let pairs = item.metadata.iter().map(|(key, value)| (key.clone(), value.clone()));
    ItemChange {
        price: Some(item.price.clone()),
        quantity: item.quantity,
        tax_rates: Some(item.tax_rates.clone()),
        metadata: Some(MetadataChange::Merge(pairs.collect())),
        ..ItemChange::default()
    }
}

/// The renewal into a phase, where all periods end at its beginning: usage is billed at the old
/// prices, and whole periods begin at the new ones. None anywhere else: there it is a change in the
/// middle of a period.
pub fn turn(
    world: &mut World,
    sub: &Subscription,
    phase: &Phase,
    at: Timestamp,
) -> Option<(Subscription, Vec<Line>)> {
    let renews = sub.status.is_running() && sub.status != Status::Trialing;
    if !renews || sub.items.iter().any(|item| item.period.1 != at) {
        return None;
    }
    let behavior = ProrationBehavior::None;
    let change =
        ItemsChange { items: changes(sub, &phase.items), anchor_now: false, behavior, date: None };
    let swaps = swaps(world, sub, &change, &mut Redeemer::of(sub, at), at).ok()?;
    let mut next = sub.clone();
    let metered = sub.items.iter().filter(|item| item.quantity.is_none());
    let mut lines: Vec<Line> =
        metered.flat_map(|old| world.usage_lines(sub, old, old.usage, at)).collect();
    next.items = swaps.into_iter().filter_map(|swap| swap.new).collect();
    if phase.starts_cycle() || next.items.iter().any(|item| !is_boundary(world, &next, item, at)) {
        next.anchor = at;
    }
    let snapshot = next.clone();
    for (item, new) in next.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, new);
        item.period = context.interval().period_at(snapshot.anchor, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    Some((next, lines))
}

/// Whether a period of the item would begin then anyhow.
fn is_boundary(world: &World, sub: &Subscription, item: &Item, at: Timestamp) -> bool {
    world.context(sub, item).interval().period_at(sub.anchor, at).0 == at
}
