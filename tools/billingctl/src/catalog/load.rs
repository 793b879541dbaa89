//! Reads the actual catalog from Stripe.

use std::collections::BTreeSet;

use shared::StripeError;
use shared::billing::catalog::{METER_KEY, PLAN_KEY};
use shared::stripe::{MAX_PAGE, Stripe};
use shared::values::Currency;
use stripe_billing::billing_meter::ListBillingMeter;
use stripe_billing::billing_portal_configuration::ListBillingPortalConfiguration;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use super::actual::{ForeignPrice, Meter, PortalConfiguration, Price, StripeState};
use super::desired::Catalog;
use super::portal::view::PortalView;
use super::views::{MeterView, PriceView, ProductView};
use crate::error::CliError;

/// Stripe's limit of lookup keys in one request.
const MAX_KEYS: usize = 10;

/// Reads what the planner compares with the desired catalog: all objects of plans and meters, and foreign
/// prices with a lookup key that the catalog needs.
pub(super) async fn load(stripe: &Stripe, desired: &Catalog) -> Result<StripeState, CliError> {
    let prices = || desired.plans.iter().flat_map(|plan| &plan.prices);
    let currencies = prices().flat_map(|price| price.charges.keys().copied());
    let mut actual = catalog_in(stripe, &currencies.collect()).await?;
    let is_held =
        |key: &str| actual.prices.iter().any(|price| price.lookup_key.as_deref() == Some(key));
    let free: Vec<&str> =
        prices().map(|price| price.lookup_key.as_str()).filter(|key| !is_held(key)).collect();
    for keys in free.chunks(MAX_KEYS) {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let expand = vec!["data.product".to_owned()];
        let list = ListPrice::new().lookup_keys(keys).expand(expand).limit(MAX_PAGE);
        let held: Vec<shared::stripe::views::Price> = stripe.all(&list).await?;
        actual.foreign.extend(held.into_iter().filter_map(foreign));
    }
    Ok(actual)
}

/// Reads what a catalog file would have to describe, in all currencies of the prices.
pub(super) async fn load_all(stripe: &Stripe) -> Result<StripeState, CliError> {
    let list = ListPrice::new()
        .active(true)
        .type_(stripe_shared::PriceType::Recurring)
        .limit(MAX_PAGE)
        .expand(vec!["data.currency_options".to_owned()]);
    let prices: Vec<shared::stripe::views::Price> = stripe.all(&list).await?;
    let mut currencies: BTreeSet<Currency> = prices.iter().map(|price| price.currency).collect();
    let options = prices.iter().filter_map(|price| price.currency_options.as_ref());
    currencies.extend(
        options.flat_map(|options| options.keys()).filter_map(|code| code.parse::<Currency>().ok()),
    );
    catalog_in(stripe, &currencies).await
}

/// Reads all configurations of the customer portal.
pub(crate) async fn portal_configurations(
    stripe: &Stripe,
) -> Result<Vec<PortalConfiguration>, StripeError> {
    let list = ListBillingPortalConfiguration::new().limit(MAX_PAGE);
    let all: Vec<PortalView> = stripe.all(&list).await?;
    Ok(all.into_iter().map(PortalConfiguration::from).collect())
}

/// Converts a price that belongs to no plan and no meter. A concurrent apply may have created a price of
/// the catalog, which is `None`.
fn foreign(price: shared::stripe::views::Price) -> Option<ForeignPrice> {
    let product = price.product.object().map(|product| &product.metadata);
    let is_ours = |key: &str| {
        price.metadata.contains_key(key) || product.is_some_and(|own| own.contains_key(key))
    };
    if is_ours(PLAN_KEY) || is_ours(METER_KEY) {
        return None;
    }
    let product = price.product_id().to_owned();
    Some(ForeignPrice { lookup_key: price.lookup_key?, price: price.id, product })
}

/// Reads meters, products and portal configurations, with prices in these currencies. It includes archived
/// objects, because an object that returns to the file is activated again.
async fn catalog_in(
    stripe: &Stripe,
    currencies: &BTreeSet<Currency>,
) -> Result<StripeState, CliError> {
    let recurring = || {
        ListPrice::new()
            .type_(stripe_shared::PriceType::Recurring)
            .limit(MAX_PAGE)
            .expand(expand(currencies))
    };
    // Read before the products: a price that a concurrent apply creates later would seem to belong to no
    // product of the catalog.
    let active: Vec<PriceView> = stripe.all(&recurring().active(true)).await?;
    let meters: Vec<MeterView> = stripe.all(&ListBillingMeter::new().limit(MAX_PAGE)).await?;
    let products: Vec<ProductView> = stripe.all(&ListProduct::new().limit(MAX_PAGE)).await?;
    let mut actual = StripeState {
        meters: meters.into_iter().map(Meter::from).collect(),
        products: products.into_iter().filter_map(ProductView::product).collect(),
        portals: portal_configurations(stripe).await?,
        ..StripeState::default()
    };
    for product in &actual.products {
        let prices: Vec<PriceView> = stripe.all(&recurring().product(&product.id)).await?;
        actual.prices.extend(prices.into_iter().map(Price::from));
    }
    // The API sells an active price that names a plan, whatever its product is.
    let others = active.into_iter().map(Price::from).filter(|price| price.labels.plan.is_some());
    let others: Vec<Price> =
        others.filter(|price| actual.owner(&price.product).is_none()).collect();
    actual.prices.extend(others);
    Ok(actual)
}

/// Returns the fields to expand. Stripe omits tiers unless they are expanded, for each currency by name.
fn expand(currencies: &BTreeSet<Currency>) -> Vec<String> {
    let mut expand = vec!["data.tiers".to_owned(), "data.currency_options".to_owned()];
    let tiers = |code: &Currency| format!("data.currency_options.{}.tiers", code.as_str());
    // A catalog with one currency has no currency options.
    expand.extend(currencies.iter().filter(|_| currencies.len() > 1).map(tiers));
    expand
}
