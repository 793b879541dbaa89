//! From what is wanted and what there is to what has to be done. Nothing is sent here.
//!
//! The products of plans and all their recurring prices are the catalogue's: a plan is made up of
//! whatever prices its product has, so one that the file does not have would be sold with it.

use std::collections::HashMap;

use super::now::{
    Foreign, Meter as MeterNow, Now, Price as PriceNow, Product as ProductNow, Terms,
};
use super::portal;
use super::wanted::{Catalogue, Meter, Plan, Portal, Price};

/// One thing to do, or to leave as it is.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    CreateMeter(Meter),
    UpdateMeter { id: String, meter: Meter, rename: bool, reactivate: bool },
    KeepMeter { id: String, meter: Meter },
    CreateProduct(Plan),
    UpdateProduct { id: String, plan: Plan },
    KeepProduct { id: String, plan: Plan },
    ArchiveProduct { id: String, tier: String },
    CreatePrice(NewPrice),
    UpdatePrice { id: String, price: Price },
    KeepPrice { id: String, price: Price },
    ArchivePrice { id: String, lookup_key: Option<String>, why: Why },
    CreatePortal(Portal),
    UpdatePortal { id: String, portal: Portal },
    KeepPortal { id: String },
}

/// A price to be made, on a product and for a meter that may yet have to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewPrice {
    pub(crate) tier: String,
    pub(crate) price: Price,
    /// The price that it takes the lookup key from.
    pub(crate) replaces: Option<String>,
    /// Prices of old that charge the same. Each was made by a request like this one, whose
    /// idempotency key must not be used again.
    pub(crate) equals: Vec<String>,
}

/// Why a price is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Replaced,
    NotInFile,
}

/// What has to be done, in this order; and what is there already, by its name in the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Todo {
    pub(crate) changes: Vec<Change>,
    pub(crate) meters: HashMap<String, String>,
    pub(crate) products: HashMap<String, String>,
}

/// Stripe holds something that this tool cannot put right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Conflict {
    #[error(
        "the Stripe meter {id} ({event_name}) does not sum up \"value\" by \"stripe_customer_id\", and a meter's sum cannot be changed; give the meter another event_name in the file, or deactivate that one"
    )]
    WrongMeter { id: String, event_name: String },
    #[error(
        "the Stripe products {0} and {1} both have the metadata cantila_plan={2}; remove it from the one that is not the plan"
    )]
    TwoProducts(String, String, String),
    #[error(
        "the lookup key {lookup_key} belongs to the Stripe price {price} of the product {product}, which is no plan; take the key away from it, or give the product the metadata cantila_plan if it is one",
        lookup_key = _0.lookup_key, price = _0.price, product = _0.product
    )]
    ForeignKey(Foreign),
}

/// Applying the result to `now` and planning again gives nothing but things to keep.
pub(crate) fn plan(wanted: &Catalogue, now: &Now) -> Result<Todo, Conflict> {
    let mut todo = Todo::default();
    if let Some(foreign) = now.foreign.first() {
        return Err(Conflict::ForeignKey(foreign.clone()));
    }
    for meter in &wanted.meters {
        todo.meter(meter, now)?;
    }
    for plan in &wanted.plans {
        todo.product(plan, now)?;
    }
    for plan in &wanted.plans {
        todo.prices(plan, now);
    }
    for product in &now.products {
        if !wanted.plans.iter().any(|plan| plan.tier == product.tier) {
            todo.retire(product, now);
        }
    }
    if let Some(portal) = &wanted.portal {
        todo.portal(portal, now);
    }
    Ok(todo)
}

impl Todo {
    fn meter(&mut self, meter: &Meter, now: &Now) -> Result<(), Conflict> {
        let same = |other: &&MeterNow| other.event_name == meter.event_name;
        let found = now.meters.iter().filter(same).find(|other| other.active);
        // Of those that were deactivated any one that counts as it should will do.
        let found = found.or_else(|| now.meters.iter().filter(same).find(|other| other.sums));
        let Some(found) = found else {
            self.changes.push(Change::CreateMeter(meter.clone()));
            return Ok(());
        };
        let (id, meter) = (found.id.clone(), meter.clone());
        if !found.sums {
            return Err(Conflict::WrongMeter { id, event_name: meter.event_name });
        }
        self.meters.insert(meter.name.clone(), id.clone());
        let rename = found.display_name != meter.display_name;
        self.changes.push(if rename || !found.active {
            Change::UpdateMeter { id, meter, rename, reactivate: !found.active }
        } else {
            Change::KeepMeter { id, meter }
        });
        Ok(())
    }

    fn product(&mut self, plan: &Plan, now: &Now) -> Result<(), Conflict> {
        let of_tier = || now.products.iter().filter(|product| product.tier == plan.tier);
        let mut active = of_tier().filter(|product| product.active);
        let first = active.next();
        if let (Some(first), Some(second)) = (first, active.next()) {
            return Err(Conflict::TwoProducts(
                first.id.clone(),
                second.id.clone(),
                plan.tier.clone(),
            ));
        }
        let Some(found) = first.or_else(|| of_tier().next()) else {
            self.changes.push(Change::CreateProduct(plan.clone()));
            return Ok(());
        };
        let (id, plan) = (found.id.clone(), plan.clone());
        self.products.insert(plan.tier.clone(), id.clone());
        let is_as_wanted = found.active
            && found.name == plan.name
            && found.description.as_deref() == Some(plan.description.as_str())
            && found.contact == plan.contact;
        self.changes.push(if is_as_wanted {
            Change::KeepProduct { id, plan }
        } else {
            Change::UpdateProduct { id, plan }
        });
        Ok(())
    }

    fn prices(&mut self, plan: &Plan, now: &Now) {
        let product = self.products.get(&plan.tier).cloned();
        let there: Vec<&PriceNow> =
            now.prices.iter().filter(|price| Some(&price.product) == product.as_ref()).collect();
        let mut done: Vec<&str> = Vec::new();
        for price in &plan.prices {
            let holder =
                there.iter().find(|other| other.lookup_key.as_deref() == Some(&price.lookup_key));
            done.extend(holder.map(|holder| holder.id.as_str()));
            self.price(plan, price, holder.copied(), &there);
        }
        for price in there.iter().filter(|price| price.active && !done.contains(&price.id.as_str()))
        {
            self.archive(price, Why::NotInFile);
        }
    }

    /// `holder` is the price that has the lookup key now.
    fn price(
        &mut self,
        plan: &Plan,
        price: &Price,
        holder: Option<&PriceNow>,
        there: &[&PriceNow],
    ) {
        let terms = self.terms(price);
        let charges_the_same = |other: &PriceNow| terms.is_some() && other.terms == terms;
        match holder {
            Some(holder) if charges_the_same(holder) => {
                let (id, price) = (holder.id.clone(), price.clone());
                let is_as_wanted = holder.active && holder.metered == price.metered;
                self.changes.push(if is_as_wanted {
                    Change::KeepPrice { id, price }
                } else {
                    Change::UpdatePrice { id, price }
                });
            }
            _ => {
                let equals = there
                    .iter()
                    .filter(|other| charges_the_same(other))
                    .map(|other| other.id.clone())
                    .collect();
                let replaces = holder.map(|holder| holder.id.clone());
                let new =
                    NewPrice { tier: plan.tier.clone(), price: price.clone(), replaces, equals };
                self.changes.push(Change::CreatePrice(new));
                // At once, so that the plan has both for no longer than it takes.
                if let Some(holder) = holder.filter(|holder| holder.active) {
                    self.archive(holder, Why::Replaced);
                }
            }
        }
    }

    /// What Stripe would show for this price; `None` while its meter has to be made.
    fn terms(&self, price: &Price) -> Option<Terms> {
        let meter = match &price.metered {
            Some(metered) => Some(self.meters.get(&metered.meter)?.clone()),
            None => None,
        };
        Some(Terms {
            interval: price.interval,
            meter,
            currency: price.currency,
            charges: price.charges.clone(),
        })
    }

    fn archive(&mut self, price: &PriceNow, why: Why) {
        self.changes.push(Change::ArchivePrice {
            id: price.id.clone(),
            lookup_key: price.lookup_key.clone(),
            why,
        });
    }

    /// A plan that the file no longer has: whoever subscribed to it stays on it, nobody else can.
    fn retire(&mut self, product: &ProductNow, now: &Now) {
        for price in now.prices.iter().filter(|price| price.active && price.product == product.id) {
            self.archive(price, Why::NotInFile);
        }
        if product.active {
            self.changes.push(Change::ArchiveProduct {
                id: product.id.clone(),
                tier: product.tier.clone(),
            });
        }
    }
}

impl Todo {
    fn portal(&mut self, wanted: &Portal, now: &Now) {
        self.changes.push(match portal::ours(&now.portals) {
            None => Change::CreatePortal(wanted.clone()),
            Some(found) if found.active && found.is_ours && found.portal == *wanted => {
                Change::KeepPortal { id: found.id.clone() }
            }
            Some(found) => Change::UpdatePortal { id: found.id.clone(), portal: wanted.clone() },
        });
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
