//! Effect of a schedule's phase on a subscription's items.

use super::discounts::{Redeemer, replace_discounts};
use super::item_diff::{ItemChange, ItemsChange, item_diffs};
use crate::model::MetadataChange;
use crate::model::catalog::RequestedDiscount;
use crate::model::invoice::Line;
use crate::model::schedule::{Phase, PhaseItem};
use crate::model::subscription::{Item, ProrationBehavior, Status, Subscription};
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

/// Returns whether the phase's items differ from the subscription's.
pub fn has_other_items(sub: &Subscription, items: &[PhaseItem]) -> bool {
    let same = |old: &Item| {
        items.iter().any(|item| {
            item.price == old.price
                && item.quantity == old.quantity
                && item.tax_rates == old.tax_rates
                && keeps_discounts(&old.discounts, &item.discounts)
        })
    };
    sub.items.len() != items.len() || !sub.items.iter().all(same)
}

/// Returns whether the requested discounts are exactly the present ones.
fn keeps_discounts(present: &[String], wanted: &[RequestedDiscount]) -> bool {
    let same = |(id, wanted): (&String, &RequestedDiscount)| {
        *wanted == RequestedDiscount::Discount(id.clone())
    };
    present.len() == wanted.len() && present.iter().zip(wanted).all(same)
}

/// Sets the phase's fields other than items: description, tax rates, discounts and, if the phase
/// begins, metadata. The caller commits or rolls back the redeemer; discounts that cannot be
/// redeemed are omitted, because there is no request to return an error to.
pub fn set_fields(
    world: &mut World,
    sub: &mut Subscription,
    phase: &Phase,
    redeemer: &mut Redeemer,
    begins: bool,
) {
    if begins {
        let pairs = phase.metadata.iter().map(|(key, value)| (key.clone(), value.clone()));
        MetadataChange::Merge(pairs.collect()).apply(&mut sub.metadata);
    }
    if phase.description.is_some() {
        sub.description.clone_from(&phase.description);
    }
    if let Some(rates) = &phase.default_tax_rates {
        sub.default_tax_rates.clone_from(rates);
    }
    let mut discounts = Vec::new();
    for wanted in &phase.discounts {
        let mut one = sub.clone();
        if replace_discounts(world, &mut one, Some(std::slice::from_ref(wanted)), redeemer).is_ok()
        {
            discounts.extend(one.discounts);
        }
    }
    sub.discounts = discounts;
}

/// Returns the changes from the subscription's items to the phase's. An item with the same price is
/// kept.
pub fn item_changes(sub: &Subscription, items: &[PhaseItem]) -> Vec<ItemChange> {
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
        discounts: Some(item.discounts.clone()),
        metadata: Some(MetadataChange::Merge(pairs.collect())),
        ..ItemChange::default()
    }
}

/// Renews the subscription into a phase that begins when all periods end: usage is billed at the
/// old prices, whole periods at the new ones. Returns None otherwise; the phase is then a change
/// within a period.
pub fn renew_into_phase(
    world: &mut World,
    sub: &Subscription,
    phase: &Phase,
    redeemer: &mut Redeemer,
    at: Timestamp,
) -> Option<(Subscription, Vec<Line>)> {
    let renews = sub.status.is_running() && sub.status != Status::Trialing;
    if !renews || sub.items.iter().any(|item| item.period.1 != at) {
        return None;
    }
    let behavior = ProrationBehavior::None;
    let change = ItemsChange {
        items: item_changes(sub, &phase.items),
        anchor_now: false,
        behavior,
        date: None,
    };
    let diffs = item_diffs(world, sub, &change, redeemer, at).ok()?;
    let mut next = sub.clone();
    let metered = sub.items.iter().filter(|item| item.quantity.is_none());
    let mut lines: Vec<Line> =
        metered.flat_map(|old| world.usage_lines(sub, old, old.usage, at)).collect();
    next.items = diffs.into_iter().filter_map(|diff| diff.new).collect();
    if phase.starts_cycle() || next.items.iter().any(|item| !is_boundary(world, &next, item, at)) {
        next.anchor = at;
    }
    let snapshot = next.clone();
    for (item, new) in next.items.iter_mut().zip(&snapshot.items) {
        let context = world.item_context(&snapshot, new);
        item.period = context.interval().period_at(snapshot.anchor, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    Some((next, lines))
}

/// Returns whether a period of the item starts at `at` without a new anchor.
fn is_boundary(world: &World, sub: &Subscription, item: &Item, at: Timestamp) -> bool {
    world.item_context(sub, item).interval().period_at(sub.anchor, at).0 == at
}
