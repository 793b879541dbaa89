//! The desired catalog: products, prices, meters and the portal as the file describes them.
//!
//! These types contain no position in a file and no Stripe ID.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::billing::catalog::{METER_KEY, PLAN_KEY};
use shared::stripe::views::Interval;
use shared::values::Currency;

/// A validated catalog: names are unique and references resolve.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    pub(super) meters: Vec<Meter>,
    pub(super) plans: Vec<Plan>,
    /// `None` if the file does not configure the portal.
    pub(super) portal: Option<Portal>,
}

impl Catalog {
    /// Returns the products: of each plan, then of each meter that a plan bills.
    pub(super) fn products(&self) -> Vec<Product> {
        let is_billed = |meter: &&Meter| {
            let owner = Owner::Meter(meter.name.clone());
            self.plans.iter().flat_map(|plan| &plan.prices).any(|price| price.product == owner)
        };
        let meters = self.meters.iter().filter(is_billed).map(Meter::product);
        self.plans.iter().map(Plan::product).chain(meters).collect()
    }
}

/// A meter in Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) name: String,
    pub(super) event_name: String,
    pub(super) display_name: String,
    pub(super) unit: String,
}

impl Meter {
    fn product(&self) -> Product {
        Product {
            owner: Owner::Meter(self.name.clone()),
            name: self.display_name.clone(),
            description: None,
            contact: None,
            unit_label: Some(self.unit.clone()),
        }
    }
}

/// The plan or meter that a product stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A plan by its tier.
    Plan(String),
    /// A meter by its name.
    Meter(String),
}

impl Owner {
    /// Returns the tier or the name of the meter.
    pub(super) fn name(&self) -> &String {
        let (Self::Plan(name) | Self::Meter(name)) = self;
        name
    }

    /// Returns the key of the product's metadata that has the name.
    pub(super) fn metadata_key(&self) -> &'static str {
        match self {
            Self::Plan(_) => PLAN_KEY,
            Self::Meter(_) => METER_KEY,
        }
    }
}

/// A product in Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) owner: Owner,
    pub(super) name: String,
    /// `None` for a meter: the catalog leaves its description to the dashboard.
    pub(super) description: Option<String>,
    /// Contact address of a sales-led plan.
    pub(super) contact: Option<String>,
    /// Unit of a meter. `None` for a plan: the catalog leaves its unit to the dashboard.
    pub(super) unit_label: Option<String>,
}

/// A plan: a Stripe product and its prices.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) tier: String,
    pub(super) name: String,
    pub(super) description: String,
    /// Contact address of a sales-led plan.
    pub(super) contact: Option<String>,
    pub(super) prices: Vec<Price>,
}

impl Plan {
    fn product(&self) -> Product {
        Product {
            owner: Owner::Plan(self.tier.clone()),
            name: self.name.clone(),
            description: Some(self.description.clone()),
            contact: self.contact.clone(),
            unit_label: None,
        }
    }
}

/// A recurring price of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) lookup_key: String,
    pub(super) product: Owner,
    pub(super) interval: Interval,
    pub(super) labels: Labels,
    /// The price's own currency; the other currencies are its currency options.
    pub(super) currency: Currency,
    pub(super) charges: BTreeMap<Currency, Charge>,
}

/// The catalog's part of a price's metadata; all `None` for a base fee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels {
    /// Tier of a metered price on its meter's product.
    pub(super) plan: Option<String>,
    /// Name of the meter of a metered price.
    pub(super) meter: Option<String>,
    /// Unit of a metered price on its plan's product.
    pub(super) unit: Option<String>,
}

/// Amount in minor units with up to 12 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// Amount per unit from the first unit on; for a base fee, per interval.
    Flat(Decimal),
    /// No charge up to the allowance, then an amount per unit.
    Beyond { included: u64, unit: Decimal },
}

/// Configuration of Stripe's customer portal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Portal {
    pub(super) headline: Option<String>,
    pub(super) privacy_policy_url: Option<String>,
    pub(super) terms_of_service_url: Option<String>,
    pub(super) default_return_url: Option<String>,
    pub(super) invoice_history: bool,
    pub(super) payment_method_update: bool,
    pub(super) subscription_cancel: Option<CancelMode>,
    /// Sorted reasons that a canceling customer can choose from; empty if customers are not asked.
    pub(super) cancellation_reasons: Vec<String>,
    /// Sorted customer details that customers can change; empty if none.
    pub(super) customer_update: Vec<String>,
    /// Always false in a file: plan changes go through the API, which shows the amount first.
    pub(crate) subscription_update: bool,
}

/// When a subscription ends after a cancellation in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelMode {
    AtPeriodEnd,
    Immediately,
}

impl CancelMode {
    /// Returns Stripe's name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AtPeriodEnd => "at_period_end",
            Self::Immediately => "immediately",
        }
    }
}
