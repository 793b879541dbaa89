//! A catalogue: what Stripe is to hold. Nothing here knows a file or a Stripe id.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::respond::Currency;
use shared::stripe::views::Interval;

/// Everything, checked: names are unique, and what is referred to is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) meters: Vec<Meter>,
    pub(crate) plans: Vec<Plan>,
    /// None: the portal is not looked after.
    pub(crate) portal: Option<Portal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) name: String,
    pub(crate) event_name: String,
    pub(crate) display_name: String,
}

/// A plan: a Product, and its prices.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) tier: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Whom to ask, for a plan that is sold by people.
    pub(crate) contact: Option<String>,
    pub(crate) prices: Vec<Price>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) lookup_key: String,
    pub(crate) interval: Interval,
    /// None for the base fee.
    pub(crate) metered: Option<Metered>,
    /// The price's own currency; the others are its currency options.
    pub(crate) currency: Currency,
    pub(crate) charges: BTreeMap<Currency, Charge>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metered {
    pub(crate) meter: String,
    pub(crate) unit: String,
}

/// What is charged, in minor units with up to 12 decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// For each unit, the first one too; for a base fee, for the interval.
    Flat(Decimal),
    /// Nothing for the first units, then for each one.
    Beyond { included: u64, unit: Decimal },
}

/// What customers may do in Stripe's Billing Portal, and what it says of us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Portal {
    pub(crate) headline: Option<String>,
    pub(crate) privacy_policy_url: Option<String>,
    pub(crate) terms_of_service_url: Option<String>,
    pub(crate) default_return_url: Option<String>,
    pub(crate) invoice_history: bool,
    pub(crate) payment_method_update: bool,
    pub(crate) subscription_cancel: Option<Cancel>,
    /// What to choose from when canceling; none: not asked. Sorted.
    pub(crate) cancellation_reasons: Vec<String>,
    /// Which of their details customers may change; none: not any. Sorted.
    pub(crate) customer_update: Vec<String>,
    /// Always false in a file: a change of plan goes through the API, which shows the amount first.
    pub(crate) subscription_update: bool,
}

/// When a subscription ends that is canceled in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    AtPeriodEnd,
    Immediately,
}

impl Cancel {
    /// As Stripe writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AtPeriodEnd => "at_period_end",
            Self::Immediately => "immediately",
        }
    }
}
