//! The meters that a response lists. No I/O.

use std::collections::BTreeMap;

use shared::billing::catalog::{Catalog, meter_of, unit_of};
use shared::stripe::views::{Meter, Period, Price, Subscription, SubscriptionItem};

/// A meter, by Stripe's ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Stripe's ID.
    pub id: String,
    /// Name in the catalog, or the ID if it has none.
    pub meter: String,
    pub name: Option<String>,
    pub unit: Option<String>,
}

/// Returns the meters of these metered prices, by name, each once.
pub fn listed<'a>(
    prices: impl IntoIterator<Item = &'a Price>,
    catalog: &Catalog,
    meters: &[Meter],
) -> Vec<Listed> {
    let mut all: BTreeMap<&str, Listed> = BTreeMap::new();
    for price in prices {
        let (Some(id), Some(meter)) = (meter_id(price), meter_of(price)) else { continue };
        let of_meter = |other: &&Price| meter_id(other) == Some(id);
        let unit = || catalog.prices().filter(of_meter).find_map(unit_of);
        let known = all.entry(id).or_insert_with(|| Listed {
            id: id.to_owned(),
            meter: id.to_owned(),
            name: find(meters, id).map(|meter| meter.display_name.clone()),
            unit: None,
        });
        // Not every price of a meter has its name and its unit.
        if known.meter == id {
            known.meter.clone_from(meter);
        }
        known.unit = known.unit.take().or_else(|| unit_of(price)).or_else(unit);
    }
    let mut all: Vec<Listed> = all.into_values().collect();
    all.sort_by(|one, other| (&one.meter, &one.id).cmp(&(&other.meter, &other.id)));
    all
}

/// Returns the meter with this ID.
pub fn find<'a>(meters: &'a [Meter], id: &str) -> Option<&'a Meter> {
    meters.iter().find(|meter| meter.id == id)
}

/// Returns Stripe's ID of the meter whose usage a price bills.
pub fn meter_id(price: &Price) -> Option<&str> {
    price.recurring.as_ref().filter(|_| price.is_metered())?.meter.as_deref()
}

/// Returns the items that bill usage.
pub fn metered_items(subscription: &Subscription) -> impl Iterator<Item = &SubscriptionItem> {
    subscription.items.data.iter().filter(|item| item.price.is_metered())
}

/// Returns the current period of the usage, else that of the first item.
pub fn period(subscription: &Subscription) -> Option<Period> {
    let item = metered_items(subscription).next().or_else(|| subscription.items.data.first())?;
    Some(period_of(item))
}

/// Returns the current period of an item.
pub fn period_of(item: &SubscriptionItem) -> Period {
    Period { start: item.current_period_start, end: item.current_period_end }
}
