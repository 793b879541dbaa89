//! Plans the changes that turn the actual catalog into the desired one. It sends no request.
//!
//! All products of plans and meters belong to the catalog, and all recurring prices of plans. The API sells
//! every active price of a plan, so prices that the file does not have are archived. A price of a meter's
//! product that names no plan is an add-on, which the API never touches, and so does this tool.

use std::collections::{HashMap, HashSet};

use super::actual::{
    ForeignPrice, Meter as ActualMeter, Price as ActualPrice, Product as ActualProduct,
    StripeState, Terms, managed_portal,
};
use super::desired::{Catalog, Meter, Owner, Portal, Price, Product};

/// A change of one object, or none.
#[derive(Clone, Debug)]
pub(super) enum Change {
    CreateMeter(Meter),
    UpdateMeter { id: String, meter: Meter, rename: bool, reactivate: bool },
    KeepMeter { id: String, meter: Meter },
    CreateProduct(Product),
    UpdateProduct { id: String, product: Product },
    KeepProduct { id: String, owner: Owner },
    ArchiveProduct { id: String, owner: Owner },
    CreatePrice(NewPrice),
    UpdatePrice { id: String, price: Price },
    KeepPrice { id: String, price: Price },
    ArchivePrice { id: String, lookup_key: Option<String>, reason: ArchiveReason },
    CreatePortal(Portal),
    UpdatePortal { id: String, portal: Portal },
    KeepPortal { id: String },
}

/// A price to create. Its product and its meter may not exist yet.
#[derive(Clone, Debug)]
pub(super) struct NewPrice {
    pub(super) price: Price,
    /// ID of the price that it takes the lookup key from.
    pub(super) replaces: Option<String>,
    /// IDs of previous prices with the same terms. The creation of each had the same body, so their
    /// idempotency keys must not be reused.
    pub(super) equals: Vec<String>,
}

/// Reason for archiving a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveReason {
    Replaced,
    NotInFile,
}

/// Changes in their order, and the IDs of existing objects by their names in the catalog.
#[derive(Debug, Default)]
pub(super) struct Changeset {
    pub(super) changes: Vec<Change>,
    pub(super) meters: HashMap<String, String>,
    pub(super) products: HashMap<Owner, String>,
}

/// State in Stripe that this tool cannot correct.
#[derive(Debug, thiserror::Error)]
pub(super) enum Conflict {
    #[error(
        "the Stripe meter {id} ({event_name}) does not sum \"value\" by \"stripe_customer_id\", and Stripe cannot change this; use another event_name in the file, or deactivate the meter in Stripe"
    )]
    WrongMeter { id: String, event_name: String },
    #[error(
        "the Stripe products {0} and {1} both have the metadata {key}={name}; remove it from one of them",
        key = _2.metadata_key(), name = _2.name()
    )]
    TwoProducts(String, String, Owner),
    #[error(
        "the lookup key {lookup_key} belongs to the Stripe price {price} of the product {product}, which is neither a plan nor a meter; remove the lookup key from the price, or add the metadata cantila_plan to the product if it is a plan",
        lookup_key = _0.lookup_key, price = _0.price, product = _0.product
    )]
    ForeignKey(ForeignPrice),
}

/// Plans the changes. After they are applied, planning again gives no change.
///
/// # Errors
/// A [`Conflict`] that the operator has to resolve in Stripe or in the file.
pub(super) fn plan_changes(desired: &Catalog, actual: &StripeState) -> Result<Changeset, Conflict> {
    let mut changeset = Changeset::default();
    if let Some(foreign) = actual.foreign.first() {
        return Err(Conflict::ForeignKey(foreign.clone()));
    }
    for meter in &desired.meters {
        changeset.meter(meter, actual)?;
    }
    let products = desired.products();
    for product in &products {
        changeset.product(product, actual)?;
    }
    for price in desired.plans.iter().flat_map(|plan| &plan.prices) {
        changeset.price(price, actual);
    }
    changeset.archive_others(desired, &products, actual);
    if let Some(portal) = &desired.portal {
        changeset.portal(portal, actual);
    }
    Ok(changeset)
}

impl Changeset {
    fn meter(&mut self, meter: &Meter, actual: &StripeState) -> Result<(), Conflict> {
        let same = |other: &&ActualMeter| other.event_name == meter.event_name;
        let found = actual.meters.iter().filter(same).find(|other| other.active);
        // Without an active meter, any inactive one that sums correctly is reactivated.
        let found = found.or_else(|| actual.meters.iter().filter(same).find(|other| other.sums));
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

    fn product(&mut self, product: &Product, actual: &StripeState) -> Result<(), Conflict> {
        let of_owner = || actual.products.iter().filter(|found| found.owner == product.owner);
        let mut active = of_owner().filter(|found| found.active);
        let first = active.next();
        if let (Some(first), Some(second)) = (first, active.next()) {
            let owner = product.owner.clone();
            return Err(Conflict::TwoProducts(first.id.clone(), second.id.clone(), owner));
        }
        let Some(found) = first.or_else(|| of_owner().next()) else {
            self.changes.push(Change::CreateProduct(product.clone()));
            return Ok(());
        };
        let id = found.id.clone();
        self.products.insert(product.owner.clone(), id.clone());
        self.changes.push(if is_unchanged(found, product) {
            Change::KeepProduct { id, owner: product.owner.clone() }
        } else {
            Change::UpdateProduct { id, product: product.clone() }
        });
        Ok(())
    }

    fn price(&mut self, price: &Price, actual: &StripeState) {
        let terms = self.terms(price);
        let product = self.products.get(&price.product).cloned();
        let is_same = |other: &ActualPrice| {
            terms.is_some() && other.terms == terms && Some(&other.product) == product.as_ref()
        };
        let holder = holder(price, actual);
        match holder {
            Some(holder) if is_same(holder) => {
                let (id, price) = (holder.id.clone(), price.clone());
                let is_unchanged = holder.active && holder.labels == price.labels;
                self.changes.push(if is_unchanged {
                    Change::KeepPrice { id, price }
                } else {
                    Change::UpdatePrice { id, price }
                });
            }
            _ => {
                let equals = actual.prices.iter().filter(|other| is_same(other));
                let equals = equals.map(|other| other.id.clone()).collect();
                let replaces = holder.map(|holder| holder.id.clone());
                let new = NewPrice { price: price.clone(), replaces, equals };
                self.changes.push(Change::CreatePrice(new));
                // Archived next, so that the plan has both prices only for a moment.
                if let Some(holder) = holder.filter(|holder| holder.active) {
                    self.archive(holder, ArchiveReason::Replaced);
                }
            }
        }
    }

    /// Returns the terms of the price in Stripe; `None` if its meter does not exist yet.
    fn terms(&self, price: &Price) -> Option<Terms> {
        let meter = match &price.labels.meter {
            Some(name) => Some(self.meters.get(name)?.clone()),
            None => None,
        };
        Some(Terms {
            interval: price.interval,
            meter,
            currency: price.currency,
            charges: price.charges.clone(),
        })
    }

    fn archive(&mut self, price: &ActualPrice, reason: ArchiveReason) {
        self.changes.push(Change::ArchivePrice {
            id: price.id.clone(),
            lookup_key: price.lookup_key.clone(),
            reason,
        });
    }

    /// Archives the prices of plans and the products that the file does not have. Existing subscriptions
    /// stay on them.
    fn archive_others(&mut self, desired: &Catalog, products: &[Product], actual: &StripeState) {
        let prices = desired.plans.iter().flat_map(|plan| &plan.prices);
        let kept: HashSet<&str> =
            prices.filter_map(|price| Some(holder(price, actual)?.id.as_str())).collect();
        let is_sold = |price: &&ActualPrice| price.active && actual.tier(price).is_some();
        for price in actual.prices.iter().filter(is_sold) {
            if !kept.contains(price.id.as_str()) {
                self.archive(price, ArchiveReason::NotInFile);
            }
        }
        for found in actual.products.iter().filter(|found| found.active) {
            if !products.iter().any(|product| product.owner == found.owner) {
                let (id, owner) = (found.id.clone(), found.owner.clone());
                self.changes.push(Change::ArchiveProduct { id, owner });
            }
        }
    }

    fn portal(&mut self, desired: &Portal, actual: &StripeState) {
        self.changes.push(match managed_portal(&actual.portals) {
            None => Change::CreatePortal(desired.clone()),
            Some(found) if found.active && found.is_managed && found.portal == *desired => {
                Change::KeepPortal { id: found.id.clone() }
            }
            Some(found) => Change::UpdatePortal { id: found.id.clone(), portal: desired.clone() },
        });
    }
}

/// Returns the price that has the lookup key of a desired one.
fn holder<'a>(price: &Price, actual: &'a StripeState) -> Option<&'a ActualPrice> {
    let has_key = |other: &&ActualPrice| other.lookup_key.as_deref() == Some(&price.lookup_key);
    actual.prices.iter().find(has_key)
}

/// Returns whether a product has all that the file says about it.
fn is_unchanged(found: &ActualProduct, product: &Product) -> bool {
    let of_owner = match product.owner {
        Owner::Plan(_) => {
            found.description == product.description && found.contact == product.contact
        }
        Owner::Meter(_) => found.unit_label == product.unit_label,
    };
    found.active && found.name == product.name && of_owner
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
