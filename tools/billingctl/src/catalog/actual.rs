//! The actual catalog: the products, prices, meters and portal configurations that Stripe holds.

use std::collections::BTreeMap;

use shared::stripe::views::Interval;
use shared::values::Currency;

use super::desired::{Charge, Labels, Owner, Portal};

/// Metadata key of the portal configuration that this tool manages.
pub(super) const PORTAL_KEY: &str = "cantila_portal";

/// Products of plans and meters with their recurring prices, and all meters, including archived ones; also
/// active prices of other products that name a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct StripeState {
    pub(super) meters: Vec<Meter>,
    pub(super) products: Vec<Product>,
    pub(super) prices: Vec<Price>,
    pub(super) foreign: Vec<ForeignPrice>,
    pub(super) portals: Vec<PortalConfiguration>,
}

impl StripeState {
    /// Returns the plan or meter that a product stands for.
    pub(super) fn owner(&self, product: &str) -> Option<&Owner> {
        self.products.iter().find(|known| known.id == product).map(|known| &known.owner)
    }

    /// Returns the tier that a price belongs to, as the API reads it.
    pub(super) fn tier<'a>(&'a self, price: &'a Price) -> Option<&'a str> {
        let of_product = || match self.owner(&price.product) {
            Some(Owner::Plan(tier)) => Some(tier.as_str()),
            Some(Owner::Meter(_)) | None => None,
        };
        price.labels.plan.as_deref().or_else(of_product)
    }
}

/// A price with a lookup key that the catalog needs, which belongs neither to a plan nor to a meter.
#[derive(Clone, Debug)]
pub(super) struct ForeignPrice {
    pub(super) lookup_key: String,
    pub(super) price: String,
    pub(super) product: String,
}

/// A configuration of the customer portal.
#[derive(Clone, Debug)]
pub(crate) struct PortalConfiguration {
    pub(crate) id: String,
    pub(crate) active: bool,
    /// Whether sessions that name no configuration use it.
    pub(crate) is_default: bool,
    /// Whether its metadata has [`PORTAL_KEY`].
    pub(super) is_managed: bool,
    pub(crate) portal: Portal,
}

/// A meter in Stripe.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) id: String,
    pub(super) event_name: String,
    pub(super) display_name: String,
    pub(super) active: bool,
    /// Whether it sums the events' `value` by `stripe_customer_id`. Stripe cannot change this.
    pub(super) sums: bool,
}

/// A product of a plan or a meter.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) owner: Owner,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) unit_label: Option<String>,
    pub(super) active: bool,
}

/// A recurring price.
#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) product: String,
    pub(super) lookup_key: Option<String>,
    pub(super) active: bool,
    pub(super) labels: Labels,
    /// `None` for terms that a catalog cannot describe, for example volume tiers.
    pub(super) terms: Option<Terms>,
}

/// The part of a price that Stripe cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) interval: Interval,
    /// ID of the meter, for a metered price.
    pub(super) meter: Option<String>,
    pub(super) currency: Currency,
    pub(super) charges: BTreeMap<Currency, Charge>,
}

/// Returns the configuration that the file describes.
///
/// It is the managed one; of several, the default one, else an active one. If none is managed it is the
/// default one, which the dashboard created; the tool manages it from then on.
pub(super) fn managed_portal(all: &[PortalConfiguration]) -> Option<&PortalConfiguration> {
    let managed = || all.iter().filter(|one| one.is_managed);
    managed()
        .find(|one| one.is_default)
        .or_else(|| managed().find(|one| one.active))
        .or_else(|| managed().next())
        .or_else(|| all.iter().find(|one| one.is_default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(
        id: &str,
        active: bool,
        is_default: bool,
        is_managed: bool,
    ) -> PortalConfiguration {
        PortalConfiguration {
            id: id.to_owned(),
            active,
            is_default,
            is_managed,
            portal: Portal::default(),
        }
    }

    #[test]
    fn managed_configuration_is_preferred_to_the_default_one() {
        let one = configuration;
        let cases = [
            (vec![], None),
            (vec![one("a", true, false, false)], None),
            (vec![one("a", true, false, false), one("b", true, true, false)], Some("b")),
            (vec![one("a", true, false, true), one("b", true, true, false)], Some("a")),
            (vec![one("a", true, false, true), one("b", true, true, true)], Some("b")),
            (vec![one("a", false, false, true), one("b", true, false, true)], Some("b")),
            (vec![one("a", false, false, true)], Some("a")),
        ];
        for (all, expected) in cases {
            assert_eq!(managed_portal(&all).map(|one| one.id.as_str()), expected, "{all:?}");
        }
    }
}
