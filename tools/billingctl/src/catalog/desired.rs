//! The desired catalog: plans, prices, meters and the portal as the file describes them.
//!
//! These types contain no position in a file and no Stripe ID.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
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

/// A meter in Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) name: String,
    pub(super) event_name: String,
    pub(super) display_name: String,
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

/// A recurring price of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) lookup_key: String,
    pub(super) interval: Interval,
    /// `None` for the base fee.
    pub(super) metered: Option<Metered>,
    /// The price's own currency; the other currencies are its currency options.
    pub(super) currency: Currency,
    pub(super) charges: BTreeMap<Currency, Charge>,
}

/// Meter and unit of a metered price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metered {
    pub(super) meter: String,
    pub(super) unit: String,
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
