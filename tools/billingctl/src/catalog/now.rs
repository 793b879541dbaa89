//! What Stripe holds at the moment, as far as the catalogue is concerned.

use std::collections::BTreeMap;

use shared::respond::Currency;
use shared::stripe::views::Interval;

use super::wanted::{Charge, Metered, Portal};

/// The product's metadata key for whom to ask, where the plan is sold by people.
pub(crate) const CONTACT_KEY: &str = "cantila_contact";

/// The products of plans, their recurring prices, and every meter; archived ones too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    pub(crate) meters: Vec<Meter>,
    pub(crate) products: Vec<Product>,
    pub(crate) prices: Vec<Price>,
    pub(crate) foreign: Vec<Foreign>,
    pub(crate) portals: Vec<PortalConfiguration>,
}

/// A price of a product that is no plan, with a lookup key that the catalogue needs.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) lookup_key: String,
    pub(crate) price: String,
    pub(crate) product: String,
}

/// A configuration of the Billing Portal.
#[derive(Clone, Debug)]
pub(crate) struct PortalConfiguration {
    pub(crate) id: String,
    pub(crate) active: bool,
    /// Used by sessions that name none.
    pub(crate) is_default: bool,
    /// Whether it has our mark.
    pub(crate) is_ours: bool,
    pub(crate) portal: Portal,
}

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) id: String,
    pub(crate) event_name: String,
    pub(crate) display_name: String,
    pub(crate) active: bool,
    /// Whether it sums up the events' `value` by `stripe_customer_id`; one that counts otherwise
    /// cannot be made to.
    pub(crate) sums: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) tier: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) active: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(crate) product: String,
    pub(crate) lookup_key: Option<String>,
    pub(crate) active: bool,
    /// What its metadata say of its meter.
    pub(crate) metered: Option<Metered>,
    /// What it charges; `None` for what no catalogue asks for, such as volume tiers.
    pub(crate) terms: Option<Terms>,
}

/// All that cannot be changed about a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) interval: Interval,
    /// The meter's id, for a metered price.
    pub(crate) meter: Option<String>,
    pub(crate) currency: Currency,
    pub(crate) charges: BTreeMap<Currency, Charge>,
}
