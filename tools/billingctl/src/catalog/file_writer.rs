//! Writes the catalog file from the actual catalog.
//!
//! The text is parsed and planned again. If the plan has changes, a file cannot describe the actual
//! catalog, and the changes are part of the error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive as _;
use shared::billing::catalog::lookup_key;
use shared::stripe::views::Interval;
use shared::values::{Currency, Money, unit_price};

use super::actual::{Price, Product, StripeState, managed_portal};
use super::desired::{CancelMode, Charge, Owner, Portal};
use super::parse::parse;
use super::planner::plan_changes;
use super::{plan_text, report};
use crate::error::{CliError, Result};

const HEAD: &str = "\
# The plan catalog, written by `billingctl catalog pull`. `billingctl catalog plan` compares it with
# Stripe, and `billingctl catalog apply` updates Stripe.
";

/// Returns the file's text.
///
/// # Errors
/// If a file cannot describe the actual catalog.
pub(super) fn text(actual: &StripeState) -> Result<String> {
    let text = Writer::new(actual).text();
    let impossible = |reason: String| {
        CliError::new(format!(
            "a catalog file cannot describe the catalog in Stripe; nothing was written. Change these objects in Stripe first:\n{reason}"
        ))
    };
    let catalog = parse(&text).map_err(|faults| impossible(faults.join("\n")))?;
    let changeset =
        plan_changes(&catalog, actual).map_err(|conflict| impossible(conflict.to_string()))?;
    let entries = report::entries(&changeset, actual);
    if report::has_differences(&entries) {
        return Err(impossible(plan_text::format(&changeset, &entries)));
    }
    Ok(text)
}

/// A plan and its active prices.
struct ActivePlan<'a> {
    tier: &'a String,
    product: &'a Product,
    prices: Vec<&'a Price>,
}

struct Writer<'a> {
    actual: &'a StripeState,
    plans: Vec<ActivePlan<'a>>,
}

impl<'a> Writer<'a> {
    fn new(actual: &'a StripeState) -> Self {
        let prices = |tier: &str| {
            let is_offered = |price: &&Price| price.active && actual.tier(price) == Some(tier);
            actual.prices.iter().filter(is_offered).collect()
        };
        let plan = |product: &'a Product| match &product.owner {
            Owner::Plan(tier) => Some(ActivePlan { tier, product, prices: prices(tier) }),
            Owner::Meter(_) => None,
        };
        let active = actual.products.iter().filter(|product| product.active);
        let mut plans: Vec<ActivePlan<'_>> = active.filter_map(plan).collect();
        plans.sort_by_key(|plan| (plan.prices.is_empty(), plan.fee(), plan.tier));
        Self { actual, plans }
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\ncurrency = {}\n", quoted(self.currency().as_str()));
        if self.has_usage_on_plans() {
            text.push_str("meter_products = false\n");
        }
        let meters = self.meters();
        for (name, (meter, unit, _)) in &meters {
            let found = self.actual.meters.iter().find(|found| found.id == *meter);
            let (event, display) = found
                .map_or(("", ""), |found| (found.event_name.as_str(), found.display_name.as_str()));
            let [name, event, display, unit] = [*name, event, display, unit].map(quoted);
            let _ = write!(
                text,
                "\n[[meters]]\nname = {name}\nevent_name = {event}\ndisplay_name = {display}\nunit = {unit}\n"
            );
        }
        if !meters.is_empty() {
            text.push_str("\n[overage]\n");
        }
        for (name, (_, _, price)) in &meters {
            let _ = writeln!(text, "{} = {}", quoted(name), amounts(price, unit));
        }
        if self.plans.is_empty() {
            return text.replacen("\ncurrency", "\nplans = []\ncurrency", 1);
        }
        self.plans.iter().for_each(|plan| plan.write(&mut text));
        if let Some(portal) = self.portal() {
            write_portal(portal, &mut text);
        }
        text
    }

    fn currency(&self) -> Currency {
        let terms = self.prices().find_map(|price| price.terms.as_ref());
        let usd = || "usd".parse().ok();
        terms.map(|terms| terms.currency).or_else(usd).expect("usd is a currency")
    }

    fn prices(&self) -> impl Iterator<Item = &'a Price> {
        self.plans.iter().flat_map(|plan| plan.prices.iter().copied())
    }

    /// Returns whether a metered price is on its plan's product, as in catalogs without products of meters.
    fn has_usage_on_plans(&self) -> bool {
        self.prices().any(|price| {
            price.labels.meter.is_some()
                && matches!(self.actual.owner(&price.product), Some(Owner::Plan(_)))
        })
    }

    /// Returns the unit of a metered price: its own, else that of its product.
    fn unit(&self, price: &'a Price) -> &'a str {
        let product = || self.actual.products.iter().find(|product| product.id == price.product);
        let unit = price.labels.unit.as_ref().or_else(|| product()?.unit_label.as_ref());
        unit.map(String::as_str).unwrap_or_default()
    }

    /// Returns for each meter name its ID, its unit, and a price with its unit price.
    fn meters(&self) -> BTreeMap<&'a str, (&'a str, &'a str, &'a Price)> {
        let mut meters = BTreeMap::new();
        for price in self.prices() {
            let meter = price.terms.as_ref().and_then(|terms| terms.meter.as_deref());
            if let (Some(name), Some(id)) = (&price.labels.meter, meter) {
                meters.entry(name.as_str()).or_insert((id, self.unit(price), price));
            }
        }
        meters
    }

    /// Returns the managed portal. Other configurations belong to the dashboard.
    fn portal(&self) -> Option<&'a Portal> {
        let found = managed_portal(&self.actual.portals);
        let found = found.filter(|found| found.is_managed && found.active)?;
        Some(&found.portal).filter(|portal| !portal.subscription_update)
    }
}

impl ActivePlan<'_> {
    /// Returns the monthly fee, else a twelfth of the yearly one.
    fn fee(&self) -> rust_decimal::Decimal {
        let fee = |interval| self.base(interval).and_then(flat);
        let year = || fee(Interval::Year).map(|fee| fee / rust_decimal::Decimal::from(12));
        fee(Interval::Month).or_else(year).unwrap_or_default()
    }

    fn base(&self, interval: Interval) -> Option<&Price> {
        let key = lookup_key(self.tier, interval);
        self.prices.iter().copied().find(|price| price.lookup_key.as_ref() == Some(&key))
    }

    fn write(&self, text: &mut String) {
        let Product { name, description, contact, .. } = self.product;
        let description = description.as_deref().unwrap_or_default();
        let _ = write!(
            text,
            "\n[[plans]]\ntier = {}\nname = {}\ndescription = {}\n",
            quoted(self.tier),
            quoted(name),
            quoted(description)
        );
        if let Some(contact) = contact {
            let _ = writeln!(text, "contact = {}", quoted(contact));
        }
        for interval in [Interval::Month, Interval::Year] {
            if let Some(base) = self.base(interval) {
                let _ = writeln!(text, "{} = {}", interval.as_str(), amounts(base, fee));
            }
        }
        let included = self.included();
        if !included.is_empty() {
            let included: Vec<String> = included
                .iter()
                .map(|(meter, units)| format!("{} = {units}", quoted(meter)))
                .collect();
            let _ = writeln!(text, "included = {{ {} }}", included.join(", "));
        }
    }

    /// Returns the included units per month, by meter.
    fn included(&self) -> BTreeMap<&str, u64> {
        let mut included = BTreeMap::new();
        for price in &self.prices {
            let (Some(meter), Some(terms)) = (&price.labels.meter, &price.terms) else { continue };
            let months = if terms.interval == Interval::Year { 12 } else { 1 };
            let units = match terms.charges.get(&terms.currency) {
                Some(Charge::Beyond { included, .. }) => included / months,
                _ => 0,
            };
            included.entry(meter.as_str()).or_insert(units);
        }
        included
    }
}

fn flat(price: &Price) -> Option<rust_decimal::Decimal> {
    let terms = price.terms.as_ref()?;
    match terms.charges.get(&terms.currency)? {
        Charge::Flat(minor) => Some(*minor),
        Charge::Beyond { .. } => None,
    }
}

/// Formats amounts by currency, for example `{ usd = "10.00" }`.
fn amounts(price: &Price, write: fn(Charge, Currency) -> String) -> String {
    let charges = price.terms.iter().flat_map(|terms| &terms.charges);
    let amounts: Vec<String> = charges
        .map(|(code, charge)| format!("{} = {}", code.as_str(), quoted(write(*charge, *code))))
        .collect();
    format!("{{ {} }}", amounts.join(", "))
}

fn fee(charge: Charge, code: Currency) -> String {
    match charge {
        Charge::Flat(minor) => {
            let whole = minor.to_i64().filter(|_| minor.is_integer());
            whole.map_or_else(|| unit(charge, code), |minor| Money::new(minor, code).to_string())
        }
        Charge::Beyond { .. } => unit(charge, code),
    }
}

fn unit(charge: Charge, code: Currency) -> String {
    let (Charge::Flat(unit) | Charge::Beyond { unit, .. }) = charge;
    unit_price(unit, code).unwrap_or_default()
}

fn write_portal(portal: &Portal, text: &mut String) {
    text.push_str("\n[portal]\n");
    for (name, value) in [
        ("headline", &portal.headline),
        ("privacy_policy_url", &portal.privacy_policy_url),
        ("terms_of_service_url", &portal.terms_of_service_url),
        ("default_return_url", &portal.default_return_url),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{name} = {}", quoted(value));
        }
    }
    let list =
        |names: &[String]| format!("[{}]", names.iter().map(quoted).collect::<Vec<_>>().join(", "));
    let _ = write!(
        text,
        "invoice_history = {}\npayment_method_update = {}\nsubscription_cancel = {}\ncancellation_reasons = {}\ncustomer_update = {}\n",
        portal.invoice_history,
        portal.payment_method_update,
        quoted(portal.subscription_cancel.map_or("off", CancelMode::as_str)),
        list(&portal.cancellation_reasons),
        list(&portal.customer_update)
    );
}

/// Returns the text as a TOML string. TOML accepts the escapes of JSON.
fn quoted(text: impl AsRef<str>) -> String {
    serde_json::Value::from(text.as_ref()).to_string()
}
