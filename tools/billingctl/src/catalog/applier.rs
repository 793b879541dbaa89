//! Applies planned changes to Stripe, one request after the other.
//!
//! The idempotency key of a creation is a hash of the created object and of the objects that it
//! replaces, so a run that resumes after a crash gets the same object. Updates are idempotent without
//! a key; their random key covers the retries of one request.

use std::collections::HashMap;
use std::hash::Hash;

use shared::stripe::Stripe;
use shared::stripe::views::Id;
use shared::values::fingerprint;
use stripe_billing::billing_meter::{ReactivateBillingMeter, UpdateBillingMeter};
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_product::price::UpdatePrice;
use stripe_product::product::{RetrieveProduct, UpdateProduct};

use super::desired::{Meter, Owner, Product};
use super::planner::{Change, Changeset, NewPrice};
use super::portal::requests as portal_requests;
use super::requests;
use super::views::ProductView;
use crate::error::{CliError, Result};
use crate::values::id;

/// Number of deleted products that Stripe may replay before the command gives up.
const MAX_REPLAYS: u32 = 10;

/// Applies changes to Stripe.
pub(super) struct Applier<'a> {
    stripe: &'a Stripe,
    /// IDs by names in the catalog, extended with each creation.
    meters: HashMap<String, String>,
    products: HashMap<Owner, String>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(stripe: &'a Stripe, changeset: &Changeset) -> Self {
        let (meters, products) = (changeset.meters.clone(), changeset.products.clone());
        Self { stripe, meters, products }
    }

    /// Applies a change and returns the ID of the object.
    pub(super) async fn apply(&mut self, change: &Change) -> Result<String> {
        match change {
            Change::CreateMeter(meter) => self.create_meter(meter).await,
            Change::UpdateMeter { id, meter, rename, reactivate } => {
                self.update_meter(id, meter, *rename, *reactivate).await
            }
            Change::CreateProduct(product) => self.create_product(product).await,
            Change::UpdateProduct { id, product } => {
                self.update(id, &requests::update_product(id, product)).await
            }
            Change::ArchiveProduct { id, .. } => {
                self.update(id, &UpdateProduct::new(id.as_str()).active(false)).await
            }
            Change::CreatePrice(new) => self.create_price(new).await,
            Change::UpdatePrice { id, price } => {
                self.update(id, &requests::update_price(id, price)).await
            }
            Change::ArchivePrice { id, .. } => {
                self.update(id, &UpdatePrice::new(id.as_str()).active(false)).await
            }
            Change::CreatePortal(portal) => {
                self.create_built(portal_requests::create(portal), &[]).await
            }
            Change::UpdatePortal { id, portal } => {
                self.update_built(id, portal_requests::update(id, portal)).await
            }
            Change::KeepPortal { id }
            | Change::KeepMeter { id, .. }
            | Change::KeepProduct { id, .. }
            | Change::KeepPrice { id, .. } => Ok(id.clone()),
        }
    }

    async fn create_meter(&mut self, meter: &Meter) -> Result<String> {
        let id = self.create(&requests::create_meter(meter), &[]).await?;
        self.meters.insert(meter.name.clone(), id.clone());
        Ok(id)
    }

    async fn update_meter(
        &self,
        id: &str,
        meter: &Meter,
        rename: bool,
        reactivate: bool,
    ) -> Result<String> {
        if reactivate {
            self.update(id, &ReactivateBillingMeter::new(id)).await?;
        }
        if rename {
            self.update(id, &UpdateBillingMeter::new(id).display_name(&meter.display_name)).await?;
        }
        Ok(id.to_owned())
    }

    /// Creates a product.
    ///
    /// Unlike a price, a product can be deleted or lose its metadata in the dashboard. Within a day Stripe
    /// replays the creation of the deleted product, so the method checks the product and repeats the
    /// creation with another key.
    async fn create_product(&mut self, product: &Product) -> Result<String> {
        let mut deleted = Vec::new();
        for _ in 0..MAX_REPLAYS {
            let id = self.create(&requests::create_product(product), &deleted).await?;
            if self.stands_for(&id, &product.owner).await? {
                self.products.insert(product.owner.clone(), id.clone());
                return Ok(id);
            }
            deleted.push(id);
        }
        Err(CliError::new(format!(
            "Stripe replays deleted products for the creation of the product {}; run the command again in 24 hours",
            product.owner.name()
        )))
    }

    /// Returns whether a product exists, is active, and stands for this plan or meter.
    async fn stands_for(&self, id: &str, owner: &Owner) -> Result<bool> {
        match self.stripe.send::<ProductView>(&RetrieveProduct::new(id)).await {
            Ok(view) => {
                Ok(view.product().is_some_and(|found| found.owner == *owner && found.active))
            }
            Err(error) if error.code() == Some("resource_missing") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn create_price(&self, new: &NewPrice) -> Result<String> {
        let NewPrice { price, .. } = new;
        let meter = price.labels.meter.as_ref();
        let meter = meter.map(|name| id_of(&self.meters, name, name)).transpose()?;
        let product = id_of(&self.products, &price.product, price.product.name())?;
        let request = requests::create_price(price, product, meter);
        let replaced: Vec<String> = new.replaces.iter().chain(&new.equals).cloned().collect();
        self.create(&request, &replaced).await
    }

    /// Creates an object. `replaced` has the IDs of previous objects. Without them in the idempotency
    /// key, returning to previous terms within a day would replay the archived object.
    async fn create(&self, request: &impl StripeRequest, replaced: &[String]) -> Result<String> {
        self.create_built(request.build(), replaced).await
    }

    async fn create_built(
        &self,
        mut request: RequestBuilder,
        replaced: &[String],
    ) -> Result<String> {
        // The order in which async-stripe writes metadata differs between builds of one request.
        let mut fields: Vec<&str> =
            request.body.as_deref().unwrap_or_default().split('&').collect();
        fields.sort_unstable();
        let body = fields.join("&");
        let parts = [request.path.as_str(), body.as_str()]
            .into_iter()
            .chain(replaced.iter().map(String::as_str));
        let key = content_key(parts);
        request.body = Some(body);
        Ok(self.stripe.send_built::<Id>(request, Some(key)).await?.id)
    }

    async fn update(&self, id: &str, request: &impl StripeRequest) -> Result<String> {
        self.update_built(id, request.build()).await
    }

    async fn update_built(&self, id: &str, request: RequestBuilder) -> Result<String> {
        let key = id::random("billingctl-")?;
        let _: Id = self.stripe.send_built(request, Some(key)).await?;
        Ok(id.to_owned())
    }
}

/// Returns the ID of a meter or product. The plan creates it before the objects that refer to it.
fn id_of<'i, K: Eq + Hash>(ids: &'i HashMap<K, String>, key: &K, name: &str) -> Result<&'i str> {
    ids.get(key).map(String::as_str).ok_or_else(|| {
        CliError::new(format!("\"{name}\" is used before it is created; this is a bug, report it"))
    })
}

/// Returns the idempotency key of a creation.
fn content_key<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    format!("billingctl-{}", fingerprint(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idempotency_key_depends_on_content_and_replaced_objects() {
        let key = content_key(["/prices", "a=1"]);
        assert_eq!(key, content_key(["/prices", "a=1"]));
        assert!(key.len() <= 255, "{key}");
        for other in [
            &["/prices", "a=2"][..],
            &["/prices", "a=1", "price_1"],
            &["/prices", "a=", "1"],
            &["/pricesa=1"],
        ] {
            assert_ne!(key, content_key(other.iter().copied()), "{other:?}");
        }
    }
}
