//! Plans the changes that turn the actual catalog into the desired one. It sends no request.
//!
//! All products of plans and all their recurring prices belong to the catalog. The API sells every active
//! price of a plan's product, so prices that the file does not have are archived.

use std::collections::HashMap;

use super::actual::{
    ForeignPrice, Meter as ActualMeter, Price as ActualPrice, Product, StripeState, Terms,
    managed_portal,
};
use super::desired::{Catalog, Meter, Plan, Portal, Price};

/// A change of one object, or none.
#[derive(Clone, Debug)]
pub(super) enum Change {
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
    ArchivePrice { id: String, lookup_key: Option<String>, reason: ArchiveReason },
    CreatePortal(Portal),
    UpdatePortal { id: String, portal: Portal },
    KeepPortal { id: String },
}

/// A price to create. Its product and its meter may not exist yet.
#[derive(Clone, Debug)]
pub(super) struct NewPrice {
    pub(super) tier: String,
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
    pub(super) products: HashMap<String, String>,
}

/// State in Stripe that this tool cannot correct.
#[derive(Debug, thiserror::Error)]
pub(super) enum Conflict {
    #[error(
        "the Stripe meter {id} ({event_name}) does not sum \"value\" by \"stripe_customer_id\", and Stripe cannot change this; use another event_name in the file, or deactivate the meter in Stripe"
    )]
    WrongMeter { id: String, event_name: String },
    #[error(
        "the Stripe products {0} and {1} both have the metadata cantila_plan={2}; remove it from the product that is not the plan"
    )]
    TwoProducts(String, String, String),
    #[error(
        "the lookup key {lookup_key} belongs to the Stripe price {price} of the product {product}, which is not a plan; remove the lookup key from the price, or add the metadata cantila_plan to the product if it is a plan",
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
    for plan in &desired.plans {
        changeset.product(plan, actual)?;
    }
    for plan in &desired.plans {
        changeset.prices(plan, actual);
    }
    for product in &actual.products {
        if !desired.plans.iter().any(|plan| plan.tier == product.tier) {
            changeset.archive_plan(product, actual);
        }
    }
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

    fn product(&mut self, plan: &Plan, actual: &StripeState) -> Result<(), Conflict> {
        let of_tier = || actual.products.iter().filter(|product| product.tier == plan.tier);
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
        let is_unchanged = found.active
            && found.name == plan.name
            && found.description.as_deref() == Some(plan.description.as_str())
            && found.contact == plan.contact;
        self.changes.push(if is_unchanged {
            Change::KeepProduct { id, plan }
        } else {
            Change::UpdateProduct { id, plan }
        });
        Ok(())
    }

    fn prices(&mut self, plan: &Plan, actual: &StripeState) {
        let product = self.products.get(&plan.tier).cloned();
        let existing: Vec<&ActualPrice> =
            actual.prices.iter().filter(|price| Some(&price.product) == product.as_ref()).collect();
        let mut matched: Vec<&str> = Vec::new();
        for price in &plan.prices {
            let holder = existing
                .iter()
                .find(|other| other.lookup_key.as_deref() == Some(&price.lookup_key));
            matched.extend(holder.map(|holder| holder.id.as_str()));
            self.price(plan, price, holder.copied(), &existing);
        }
        for price in
            existing.iter().filter(|price| price.active && !matched.contains(&price.id.as_str()))
        {
            self.archive(price, ArchiveReason::NotInFile);
        }
    }

    /// Plans one price. `holder` is the price that has its lookup key.
    fn price(
        &mut self,
        plan: &Plan,
        price: &Price,
        holder: Option<&ActualPrice>,
        existing: &[&ActualPrice],
    ) {
        let terms = self.terms(price);
        let has_same_terms = |other: &ActualPrice| terms.is_some() && other.terms == terms;
        match holder {
            Some(holder) if has_same_terms(holder) => {
                let (id, price) = (holder.id.clone(), price.clone());
                let is_unchanged = holder.active && holder.metered == price.metered;
                self.changes.push(if is_unchanged {
                    Change::KeepPrice { id, price }
                } else {
                    Change::UpdatePrice { id, price }
                });
            }
            _ => {
                let equals = existing
                    .iter()
                    .filter(|other| has_same_terms(other))
                    .map(|other| other.id.clone())
                    .collect();
                let replaces = holder.map(|holder| holder.id.clone());
                let new =
                    NewPrice { tier: plan.tier.clone(), price: price.clone(), replaces, equals };
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

    fn archive(&mut self, price: &ActualPrice, reason: ArchiveReason) {
        self.changes.push(Change::ArchivePrice {
            id: price.id.clone(),
            lookup_key: price.lookup_key.clone(),
            reason,
        });
    }

    /// Archives a plan that the file does not have. Existing subscriptions stay on it.
    fn archive_plan(&mut self, product: &Product, actual: &StripeState) {
        for price in
            actual.prices.iter().filter(|price| price.active && price.product == product.id)
        {
            self.archive(price, ArchiveReason::NotInFile);
        }
        if product.active {
            self.changes.push(Change::ArchiveProduct {
                id: product.id.clone(),
                tier: product.tier.clone(),
            });
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

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
