//! Reads from Stripe what the catalogue is compared with.

use std::collections::BTreeSet;

use shared::StripeError;
use shared::catalog::PLAN_KEY;
use shared::respond::Currency;
use shared::stripe::views::Product;
use shared::stripe::{LONGEST_PAGE, Stripe};
use stripe_billing::billing_meter::ListBillingMeter;
use stripe_billing::billing_portal_configuration::ListBillingPortalConfiguration;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use super::now::{Foreign, Meter, Now, PortalConfiguration, Price};
use super::portal::PortalView;
use super::views::{MeterView, PriceView, ProductView};
use super::wanted::Catalogue;
use crate::error::Failure;

/// How many lookup keys Stripe takes in one request.
const MOST_KEYS: usize = 10;

/// What a file is compared with.
pub(crate) async fn load(stripe: &Stripe, wanted: &Catalogue) -> Result<Now, Failure> {
    let prices = || wanted.plans.iter().flat_map(|plan| &plan.prices);
    let currencies = prices().flat_map(|price| price.charges.keys().copied());
    let mut now = everything(stripe, &currencies.collect()).await?;
    let is_held =
        |key: &str| now.prices.iter().any(|price| price.lookup_key.as_deref() == Some(key));
    let free: Vec<&str> =
        prices().map(|price| price.lookup_key.as_str()).filter(|key| !is_held(key)).collect();
    for keys in free.chunks(MOST_KEYS) {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let expand = vec!["data.product".to_owned()];
        let list = ListPrice::new().lookup_keys(keys).expand(expand).limit(LONGEST_PAGE);
        let held: Vec<shared::stripe::views::Price> = stripe.all(&list).await?;
        now.foreign.extend(held.into_iter().filter_map(foreign));
    }
    Ok(now)
}

pub(super) async fn portals(stripe: &Stripe) -> Result<Vec<PortalConfiguration>, StripeError> {
    let list = ListBillingPortalConfiguration::new().limit(LONGEST_PAGE);
    let all: Vec<PortalView> = stripe.all(&list).await?;
    Ok(all.into_iter().map(PortalConfiguration::from).collect())
}

/// `None` for a price of a plan, which another apply may just have made.
fn foreign(price: shared::stripe::views::Price) -> Option<Foreign> {
    let is_plan = |product: &Product| product.metadata.contains_key(PLAN_KEY);
    if price.product.object().is_some_and(is_plan) {
        return None;
    }
    let product = price.product_id().to_owned();
    Some(Foreign { lookup_key: price.lookup_key?, price: price.id, product })
}

/// Archived objects are read too: one that comes back into the file is sold again, not made again.
pub(super) async fn everything(
    stripe: &Stripe,
    currencies: &BTreeSet<Currency>,
) -> Result<Now, Failure> {
    let meters: Vec<MeterView> = stripe.all(&ListBillingMeter::new().limit(LONGEST_PAGE)).await?;
    let products: Vec<ProductView> = stripe.all(&ListProduct::new().limit(LONGEST_PAGE)).await?;
    let mut now = Now {
        meters: meters.into_iter().map(Meter::from).collect(),
        products: products.into_iter().filter_map(ProductView::plan).collect(),
        portals: portals(stripe).await?,
        ..Now::default()
    };
    let expand = expand(currencies);
    for product in &now.products {
        let list = ListPrice::new()
            .product(&product.id)
            .type_(stripe_shared::PriceType::Recurring)
            .limit(LONGEST_PAGE)
            .expand(expand.clone());
        let prices: Vec<PriceView> = stripe.all(&list).await?;
        now.prices.extend(prices.into_iter().map(Price::from));
    }
    Ok(now)
}

/// Stripe leaves tiers away unless they are asked for, for each currency by its name.
fn expand(currencies: &BTreeSet<Currency>) -> Vec<String> {
    let mut expand = vec!["data.tiers".to_owned(), "data.currency_options".to_owned()];
    let tiers = |code: &Currency| format!("data.currency_options.{}.tiers", code.as_str());
    // With one currency there are no options.
    expand.extend(currencies.iter().filter(|_| currencies.len() > 1).map(tiers));
    expand
}
