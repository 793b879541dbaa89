//! Does what the plan says, one request after the other, in its order.
//!
//! Each creation carries an idempotency key made of what is created and of what it takes the place
//! of: a rerun after a crash asks for the same again and gets the same object. An update is safe to
//! repeat by itself, so its key only ties together the attempts of one request.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use shared::stripe::Stripe;
use shared::stripe::views::Id;
use stripe_billing::billing_meter::{ReactivateBillingMeter, UpdateBillingMeter};
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_product::price::UpdatePrice;
use stripe_product::product::{RetrieveProduct, UpdateProduct};

use super::plan::{Change, NewPrice, Todo};
use super::views::ProductView;
use super::wanted::{Meter, Plan};
use super::{portal, requests};
use crate::error::{Failure, Result};
use crate::ids;

/// Dead products that a creation may be answered with before it is given up.
const MOST_REPLAYS: u32 = 10;

/// Applies changes to Stripe.
pub(super) struct Applier<'a> {
    stripe: &'a Stripe,
    /// Ids by the names of the catalogue; they grow as things are made.
    meters: HashMap<String, String>,
    products: HashMap<String, String>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(stripe: &'a Stripe, todo: &Todo) -> Self {
        Self { stripe, meters: todo.meters.clone(), products: todo.products.clone() }
    }

    /// The id of what was created, changed or kept.
    pub(super) async fn apply(&mut self, change: &Change) -> Result<String> {
        match change {
            Change::CreateMeter(meter) => self.create_meter(meter).await,
            Change::UpdateMeter { id, meter, rename, reactivate } => {
                self.update_meter(id, meter, *rename, *reactivate).await
            }
            Change::CreateProduct(plan) => self.create_product(plan).await,
            Change::UpdateProduct { id, plan } => {
                self.update(id, &requests::update_product(id, plan)).await
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
            Change::CreatePortal(wanted) => self.create_built(portal::create(wanted), &[]).await,
            Change::UpdatePortal { id, portal: wanted } => {
                self.update_built(id, portal::update(id, wanted)).await
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

    /// A product, unlike a price, can be deleted or lose its metadata by hand. Within a day Stripe
    /// would answer with that one again, so what came back is looked at, and asked for anew with
    /// another key if it is not there any more.
    async fn create_product(&mut self, plan: &Plan) -> Result<String> {
        let mut dead = Vec::new();
        for _ in 0..MOST_REPLAYS {
            let id = self.create(&requests::create_product(plan), &dead).await?;
            if self.is_plan(&id, &plan.tier).await? {
                self.products.insert(plan.tier.clone(), id.clone());
                return Ok(id);
            }
            dead.push(id);
        }
        Err(Failure::new(format!(
            "Stripe answers the creation of the product {} with deleted ones; try again tomorrow",
            plan.tier
        )))
    }

    async fn is_plan(&self, id: &str, tier: &str) -> Result<bool> {
        match self.stripe.send::<ProductView>(&RetrieveProduct::new(id)).await {
            Ok(there) => {
                Ok(there.plan().is_some_and(|product| product.tier == tier && product.active))
            }
            Err(error) if error.code() == Some("resource_missing") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn create_price(&self, new: &NewPrice) -> Result<String> {
        let meter = new
            .price
            .metered
            .as_ref()
            .map(|metered| named(&self.meters, &metered.meter))
            .transpose()?;
        let request = requests::create_price(&new.price, named(&self.products, &new.tier)?, meter);
        let before: Vec<String> = new.replaces.iter().chain(&new.equals).cloned().collect();
        self.create(&request, &before).await
    }

    /// `before` are the ids of what came before this one. Without them, going back within a day to
    /// what was there before would be answered with the archived object of then.
    async fn create(&self, request: &impl StripeRequest, before: &[String]) -> Result<String> {
        self.create_built(request.build(), before).await
    }

    async fn create_built(&self, mut request: RequestBuilder, before: &[String]) -> Result<String> {
        // async-stripe writes metadata in an order that differs between two builds of one request.
        let mut fields: Vec<&str> =
            request.body.as_deref().unwrap_or_default().split('&').collect();
        fields.sort_unstable();
        let body = fields.join("&");
        let parts = [request.path.as_str(), body.as_str()]
            .into_iter()
            .chain(before.iter().map(String::as_str));
        let key = content_key(parts);
        request.body = Some(body);
        Ok(self.stripe.send_built::<Id>(request, Some(key)).await?.id)
    }

    async fn update(&self, id: &str, request: &impl StripeRequest) -> Result<String> {
        self.update_built(id, request.build()).await
    }

    async fn update_built(&self, id: &str, request: RequestBuilder) -> Result<String> {
        let key = ids::random("billingctl-")?;
        let _: Id = self.stripe.send_built(request, Some(key)).await?;
        Ok(id.to_owned())
    }
}

/// The plan creates what it refers to first, so this only fails if it does not.
fn named<'i>(ids: &'i HashMap<String, String>, name: &str) -> Result<&'i str> {
    ids.get(name).map(String::as_str).ok_or_else(|| {
        Failure::new(format!("\"{name}\" is used before it is made, which is a bug"))
    })
}

fn content_key<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Each part with its length, so that no two lists of parts look alike.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("billingctl-{}", hex.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_that_of_the_content_and_of_what_it_replaces() {
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
