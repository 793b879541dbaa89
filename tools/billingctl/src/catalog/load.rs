//! Reads from Stripe what the catalogue is compared with.

use std::collections::BTreeSet;

use shared::respond::Currency;
use shared::stripe::{LONGEST_PAGE, Stripe};
use stripe_billing::billing_meter::ListBillingMeter;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use super::now::{Meter, Now, Price};
use super::views::{MeterView, PriceView, ProductView};
use super::wanted::Catalogue;
use crate::error::Result;

/// Archived objects are read too: one that comes back into the file is sold again, not made again.
pub(super) async fn load(stripe: &Stripe, wanted: &Catalogue) -> Result<Now> {
    let meters: Vec<MeterView> = stripe.all(&ListBillingMeter::new().limit(LONGEST_PAGE)).await?;
    let products: Vec<ProductView> = stripe.all(&ListProduct::new().limit(LONGEST_PAGE)).await?;
    let mut now = Now {
        meters: meters.into_iter().map(Meter::from).collect(),
        products: products.into_iter().filter_map(ProductView::plan).collect(),
        prices: Vec::new(),
    };
    let expand = expand(wanted);
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
fn expand(wanted: &Catalogue) -> Vec<String> {
    let prices = || wanted.plans.iter().flat_map(|plan| &plan.prices);
    let others: BTreeSet<&Currency> = prices()
        .flat_map(|price| price.charges.keys().filter(|code| **code != price.currency))
        .collect();
    let mut expand = vec!["data.tiers".to_owned(), "data.currency_options".to_owned()];
    expand
        .extend(others.iter().map(|code| format!("data.currency_options.{}.tiers", code.as_str())));
    expand
}
