//! Changes of a subscription's items, as pairs of old and new item.

use super::discounts::Redeemer;
use super::items::{NewItem, make_item};
use crate::model::catalog::{Discount, RequestedDiscount};
use crate::model::subscription::{BillingMode, Item, ProrationBehavior, Subscription};
use crate::model::{Metadata, MetadataChange};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::World;

/// Entry of `items` in an update or a preview.
#[derive(Clone, Debug, Default)]
pub struct ItemChange {
    pub id: Option<String>,
    pub price: Option<String>,
    pub quantity: Option<i64>,
    pub deleted: bool,
    pub tax_rates: Option<Vec<String>>,
    pub discounts: Option<Vec<RequestedDiscount>>,
    pub metadata: Option<MetadataChange>,
}

/// Requested change of the items and the billing cycle.
#[derive(Clone, Debug)]
pub struct ItemsChange {
    pub items: Vec<ItemChange>,
    /// `billing_cycle_anchor[type]=now`.
    pub anchor_now: bool,
    pub behavior: ProrationBehavior,
    pub date: Option<Timestamp>,
}

/// Item before and after the change. An added item has no `old`, a removed one no `new`.
pub struct ItemDiff {
    pub old: Option<Item>,
    pub new: Option<Item>,
}

/// Returns each present item with its replacement, and the added items.
pub fn item_diffs(
    world: &mut World,
    sub: &Subscription,
    change: &ItemsChange,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Vec<ItemDiff>> {
    let keep = |item: &Item| ItemDiff { old: Some(item.clone()), new: Some(item.clone()) };
    let mut diffs: Vec<ItemDiff> = sub.items.iter().map(keep).collect();
    for entry in &change.items {
        let Some(id) = &entry.id else {
            diffs.push(ItemDiff {
                old: None,
                new: Some(added_item(world, sub, entry, redeemer, now)?),
            });
            continue;
        };
        let diff = diffs
            .iter_mut()
            .find(|diff| diff.old.as_ref().is_some_and(|old| old.id == *id))
            .ok_or_else(|| ApiError::no_such_param("subscription item", id, "items"))?;
        let old = diff.old.as_ref().expect("found by its id");
        diff.new = if entry.deleted {
            None
        } else {
            Some(replaced_item(world, sub, old, entry, redeemer)?)
        };
    }
    check_remaining(&diffs)?;
    let left: Vec<&str> = after(&diffs).map(|item| item.price.as_str()).collect();
    check_one_interval(world, sub.mode, &left)?;
    Ok(diffs)
}

fn after(diffs: &[ItemDiff]) -> impl Iterator<Item = &Item> {
    diffs.iter().filter_map(|diff| diff.new.as_ref())
}

/// Returns an error if classic billing would get prices with different intervals.
pub fn check_one_interval(world: &World, mode: BillingMode, prices: &[&str]) -> Result<()> {
    let interval =
        |price: &str| world.price(price).recurring.as_ref().map(|recurring| recurring.interval);
    let mixed = prices.windows(2).any(|pair| interval(pair[0]) != interval(pair[1]));
    if mixed && mode == BillingMode::Classic {
        return Err(ApiError::invalid(
            "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If you meant to update an existing subscription item instead of creating a new one, make sure to include the subscription item ID in your request.",
        ));
    }
    Ok(())
}

fn check_remaining(diffs: &[ItemDiff]) -> Result<()> {
    let left: Vec<&Item> = after(diffs).collect();
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
            ))
            .param("plan"));
        }
    }
    Ok(())
}

fn added_item(
    world: &mut World,
    sub: &Subscription,
    entry: &ItemChange,
    redeemer: &mut Redeemer,
    now: Timestamp,
) -> Result<Item> {
    let price = entry.price.clone().ok_or_else(|| ApiError::missing_param("items[price]"))?;
    let new = NewItem {
        price,
        quantity: entry.quantity,
        tax_rates: entry.tax_rates.clone().unwrap_or_default(),
        discounts: Vec::new(),
        metadata: Metadata::new(),
    };
    let id = world.ids.id("si");
    let discounts = entry.discounts.as_deref().unwrap_or_default();
    let discounts = redeem_for_item(world, &id, discounts, &sub.discounts, redeemer)?;
    let mut item = make_item(world, &new, id, discounts, sub.currency, now)?;
    merge_metadata(&mut item, entry);
    Ok(item)
}

/// Applies the change to an item. A new price resets the quantity to 1 unless the request sets it.
fn replaced_item(
    world: &mut World,
    sub: &Subscription,
    old: &Item,
    entry: &ItemChange,
    redeemer: &mut Redeemer,
) -> Result<Item> {
    let price = entry.price.clone().unwrap_or_else(|| old.price.clone());
    let quantity = match (entry.quantity, price == old.price) {
        (None, true) => old.quantity,
        (quantity, _) => quantity,
    };
    let new = NewItem {
        price,
        quantity,
        tax_rates: entry.tax_rates.clone().unwrap_or_else(|| old.tax_rates.clone()),
        discounts: Vec::new(),
        metadata: old.metadata.clone(),
    };
    let discounts = match &entry.discounts {
        None => old.discounts.clone(),
        Some(wanted) => {
            let present = [&old.discounts[..], &sub.discounts].concat();
            redeem_for_item(world, &old.id, wanted, &present, redeemer)?
        }
    };
    let mut item = make_item(world, &new, old.id.clone(), discounts, sub.currency, old.created)?;
    item.period = old.period;
    item.usage = old.usage;
    item.debits.clone_from(&old.debits);
    merge_metadata(&mut item, entry);
    Ok(item)
}

/// Redeems discounts for one item.
pub fn redeem_for_item(
    world: &mut World,
    item: &str,
    wanted: &[RequestedDiscount],
    present: &[String],
    redeemer: &mut Redeemer,
) -> Result<Vec<String>> {
    let own = |new| Discount { subscription_item: Some(item.to_owned()), ..new };
    redeemer.redeem(world, wanted, present, own)
}

fn merge_metadata(item: &mut Item, entry: &ItemChange) {
    if let Some(change) = entry.metadata.clone() {
        change.apply(&mut item.metadata);
    }
}

impl ItemDiff {
    /// Returns whether price and quantity stay the same.
    pub fn is_unchanged(&self) -> bool {
        let ItemDiff { old: Some(old), new: Some(new) } = self else { return false };
        old.price == new.price && old.quantity == new.quantity
    }

    /// Returns whether the price stays the same, so that the price continues to count the item's
    /// usage.
    pub fn keeps_price(&self) -> bool {
        let ItemDiff { old: Some(old), new: Some(new) } = self else { return false };
        old.price == new.price
    }
}
