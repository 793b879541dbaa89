//! `catalog show`: the plans as the API offers them, read in the way that the API reads them.

use serde::Serialize;
use shared::catalog::{Catalog, Metered, Offer};
use shared::respond::{Currency, exact, unit_price};
use shared::stripe::{LONGEST_PAGE, Stripe};
use stripe_product::product::ListProduct;

use super::views::ProductView;
use crate::error::Result;
use crate::output::{Output, columns, note};
use crate::stripe;

#[derive(Serialize)]
struct Shown {
    currency: Currency,
    plans: Vec<PlanShown>,
    #[serde(rename = "salesLed")]
    sales_led: Vec<SalesLed>,
}

#[derive(Serialize)]
struct PlanShown {
    plan: String,
    name: String,
    description: Option<String>,
    interval: &'static str,
    amount: String,
    metered: Vec<MeteredShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeteredShown {
    meter: String,
    unit: Option<String>,
    included: String,
    unit_amount: Option<String>,
}

#[derive(Serialize)]
struct SalesLed {
    plan: String,
    name: String,
    contact: String,
}

impl PlanShown {
    fn new(offer: Offer, currency: Currency) -> Self {
        let metered = |metered: Metered| MeteredShown {
            included: exact(metered.included),
            unit_amount: unit_price(metered.unit_amount, currency),
            meter: metered.meter,
            unit: metered.unit,
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

/// `catalog show`
pub(crate) async fn show(output: Output, currency: Currency) -> Result<()> {
    let stripe = stripe::from_env()?;
    let catalog = Catalog::load(&stripe, Some(currency)).await?;
    let plans =
        catalog.offers(currency).into_iter().map(|offer| PlanShown::new(offer, currency)).collect();
    let shown = Shown { currency, plans, sales_led: sales_led(&stripe).await? };
    if shown.plans.is_empty() {
        note(format_args!("Stripe holds no plan in {currency}; next: billingctl catalog apply"));
    }
    output.result(&shown, text(&shown))
}

async fn sales_led(stripe: &Stripe) -> Result<Vec<SalesLed>> {
    let products: Vec<ProductView> =
        stripe.all(&ListProduct::new().active(true).limit(LONGEST_PAGE)).await?;
    let plans = products.into_iter().filter_map(ProductView::plan);
    Ok(plans
        .filter_map(|plan| {
            Some(SalesLed { plan: plan.tier, name: plan.name, contact: plan.contact? })
        })
        .collect())
}

fn text(shown: &Shown) -> String {
    let row = |plan: &PlanShown| {
        let metered = plan.metered.iter().map(|metered| {
            let unit = metered.unit.as_deref().unwrap_or("unit");
            format!(
                "{} {} then {}/{unit}",
                metered.meter,
                metered.included,
                metered.unit_amount.as_deref().unwrap_or("?")
            )
        });
        let amount = format!("{} {}", plan.amount, shown.currency);
        [
            plan.plan.clone(),
            plan.interval.to_owned(),
            amount,
            metered.collect::<Vec<_>>().join("; "),
        ]
    };
    let sales = |plan: &SalesLed| {
        [plan.plan.clone(), "-".to_owned(), "-".to_owned(), format!("sold by {}", plan.contact)]
    };
    let rows: Vec<[String; 4]> =
        shown.plans.iter().map(row).chain(shown.sales_led.iter().map(sales)).collect();
    columns(["PLAN", "INTERVAL", "AMOUNT", "INCLUDED, THEN PRICE OF A UNIT"], &rows)
}
