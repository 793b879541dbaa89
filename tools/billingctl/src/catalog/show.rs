//! `catalog show`

use clap::Args;
use serde::Serialize;
use shared::billing::catalog::{Catalog, Metered, Offer};
use shared::stripe::{MAX_PAGE, Stripe};
use shared::values::{Currency, exact, unit_price};
use stripe_product::product::ListProduct;

use super::desired::Owner;
use super::views::ProductView;
use crate::error::Result;
use crate::output::{Output, columns, note};
use crate::stripe;

/// Show the plans in Stripe as the API offers them
///
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog show
///
/// Next: edit catalog.toml, then billingctl catalog plan
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowArgs {
    /// Currency of the prices
    #[arg(long, default_value = "usd")]
    currency: Currency,
}

#[derive(Serialize)]
struct CatalogView {
    currency: Currency,
    plans: Vec<PlanView>,
    #[serde(rename = "salesLed")]
    sales_led: Vec<SalesLed>,
}

#[derive(Serialize)]
struct PlanView {
    plan: String,
    name: String,
    description: Option<String>,
    interval: &'static str,
    amount: String,
    metered: Vec<MeteredView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeteredView {
    meter: String,
    unit: Option<String>,
    /// Null, as is the unit price, if the tiers are not an allowance and one price.
    included: Option<String>,
    unit_amount: Option<String>,
}

#[derive(Serialize)]
struct SalesLed {
    plan: String,
    name: String,
    contact: String,
}

impl PlanView {
    fn new(offer: Offer, currency: Currency) -> Self {
        let metered = |metered: Metered| {
            let allowance = metered.shape.allowance();
            MeteredView {
                included: allowance.map(|(included, _)| exact(included)),
                unit_amount: allowance.and_then(|(_, unit)| unit_price(unit, currency)),
                meter: metered.meter,
                unit: metered.unit,
            }
        };
        Self {
            plan: offer.tier,
            name: offer.name,
            description: offer.description,
            interval: offer.interval.as_str(),
            amount: offer.amount.to_string(),
            metered: offer.metered.into_iter().map(metered).collect(),
        }
    }
}

/// Runs `catalog show`. It reads Stripe with the code that the API uses.
pub(super) async fn run(output: Output, args: &ShowArgs) -> Result<()> {
    let currency = args.currency;
    let stripe = stripe::client_from_env()?;
    let catalog = Catalog::load(&stripe, Some(currency)).await?;
    let plans = catalog
        .offers(currency, None)
        .into_iter()
        .map(|offer| PlanView::new(offer, currency))
        .collect();
    let view = CatalogView { currency, plans, sales_led: sales_led(&stripe).await? };
    if view.plans.is_empty() {
        note(format_args!("Stripe has no plan in {currency}; next: billingctl catalog apply"));
    }
    output.result(&view, text(&view))
}

async fn sales_led(stripe: &Stripe) -> Result<Vec<SalesLed>> {
    let products: Vec<ProductView> =
        stripe.all(&ListProduct::new().active(true).limit(MAX_PAGE)).await?;
    let sales_led = |view: ProductView| {
        let product = view.product()?;
        match product.owner {
            Owner::Plan(plan) => {
                Some(SalesLed { plan, name: product.name, contact: product.contact? })
            }
            Owner::Meter(_) => None,
        }
    };
    Ok(products.into_iter().filter_map(sales_led).collect())
}

fn text(catalog: &CatalogView) -> String {
    let rows = catalog.plans.iter().flat_map(|plan| plan_rows(plan, catalog.currency));
    let sales = |plan: &SalesLed| {
        [
            plan.plan.clone(),
            "-".to_owned(),
            "-".to_owned(),
            format!("sales-led, contact {}", plan.contact),
        ]
    };
    let rows: Vec<[String; 4]> = rows.chain(catalog.sales_led.iter().map(sales)).collect();
    columns(["PLAN", "INTERVAL", "AMOUNT", "INCLUDED, THEN UNIT PRICE"], &rows, 3)
}

/// Returns the rows of a plan: one for each meter, at least one.
fn plan_rows(plan: &PlanView, currency: Currency) -> Vec<[String; 4]> {
    let metered = plan.metered.iter().map(|metered| {
        let MeteredView { meter, unit, .. } = metered;
        let unit = unit.as_deref().unwrap_or("unit");
        match (&metered.included, &metered.unit_amount) {
            (Some(included), Some(price)) => format!("{meter} {included} then {price}/{unit}"),
            _ => format!("{meter} in tiers"),
        }
    });
    let mut metered = metered.collect::<Vec<_>>().into_iter();
    let amount = format!("{} {currency}", plan.amount);
    let first = metered.next().unwrap_or_else(|| "-".to_owned());
    let first = [plan.plan.clone(), plan.interval.to_owned(), amount, first];
    let more = metered.map(|metered| [String::new(), String::new(), String::new(), metered]);
    std::iter::once(first).chain(more).collect()
}
