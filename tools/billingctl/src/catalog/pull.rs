//! `catalog pull`: the file that says what Stripe holds.
//!
//! What is written is read again and planned: it goes out only if the plan is empty. So a Stripe that
//! holds what no file can say is refused, with the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive as _;
use shared::Stripe;
use shared::catalog::lookup_key;
use shared::respond::{Currency, Money, unit_price};
use shared::stripe::LONGEST_PAGE;
use shared::stripe::views::{Interval, Price as PriceView};
use stripe_product::price::ListPrice;

use super::now::{Now, Price, Product};
use super::portal;
use super::wanted::{Cancel, Charge, Portal};
use super::{diff, file, load, plan, report};
use crate::error::{Failure, Result};

const HEAD: &str = "\
# The plan catalogue, as `billingctl catalog pull` has read it from Stripe. `billingctl catalog plan`
# compares the two, `billingctl catalog apply` makes Stripe hold what is here.
";

/// All that Stripe holds, in whatever currencies.
pub(super) async fn load(stripe: &Stripe) -> Result<Now> {
    let list = ListPrice::new()
        .active(true)
        .type_(stripe_shared::PriceType::Recurring)
        .limit(LONGEST_PAGE)
        .expand(vec!["data.currency_options".to_owned()]);
    let prices: Vec<PriceView> = stripe.all(&list).await?;
    let mut currencies: BTreeSet<Currency> = prices.iter().map(|price| price.currency).collect();
    let options = prices.iter().filter_map(|price| price.currency_options.as_ref());
    currencies.extend(
        options.flat_map(|options| options.keys()).filter_map(|code| code.parse::<Currency>().ok()),
    );
    load::everything(stripe, &currencies).await
}

/// The file's text.
pub(super) fn text(now: &Now) -> Result<String> {
    let text = Writer::new(now).text();
    let refused = |reason: String| {
        Failure::new(format!(
            "Stripe holds what a catalogue file cannot say; nothing was written\n{reason}"
        ))
    };
    let catalogue = file::parse(&text).map_err(|faults| refused(faults.join("\n")))?;
    let todo = plan::plan(&catalogue, now).map_err(|conflict| refused(conflict.to_string()))?;
    let entries = report::entries(&todo, now);
    if report::differ(&entries) {
        let diff = diff::text(&todo, &entries);
        return Err(refused(format!("What a file would make of it:\n{diff}")));
    }
    Ok(text)
}

/// A plan's prices: base fees by interval, and what its meters include.
struct Sold<'a> {
    product: &'a Product,
    prices: Vec<&'a Price>,
}

struct Writer<'a> {
    now: &'a Now,
    plans: Vec<Sold<'a>>,
}

impl<'a> Writer<'a> {
    fn new(now: &'a Now) -> Self {
        let prices = |product: &Product| {
            now.prices.iter().filter(|price| price.active && price.product == product.id).collect()
        };
        let active = now.products.iter().filter(|product| product.active);
        let mut plans: Vec<Sold<'_>> =
            active.map(|product| Sold { product, prices: prices(product) }).collect();
        plans.sort_by_key(|plan| (plan.prices.is_empty(), plan.fee(), plan.product.tier.clone()));
        Self { now, plans }
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\ncurrency = {}\n", quoted(self.currency().as_str()));
        let meters = self.meters();
        for (name, (meter, unit, _)) in &meters {
            let found = self.now.meters.iter().find(|found| found.id == *meter);
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

    /// By name: the meter's id, its unit, and a price that says what a unit costs.
    fn meters(&self) -> BTreeMap<&'a str, (&'a str, &'a str, &'a Price)> {
        let mut meters = BTreeMap::new();
        for price in self.prices() {
            let meter = price.terms.as_ref().and_then(|terms| terms.meter.as_deref());
            if let (Some(metered), Some(id)) = (&price.metered, meter) {
                meters.entry(metered.meter.as_str()).or_insert((id, metered.unit.as_str(), price));
            }
        }
        meters
    }

    /// Only what is marked: another one is the dashboard's business.
    fn portal(&self) -> Option<&'a Portal> {
        let found = portal::ours(&self.now.portals).filter(|one| one.is_ours && one.active)?;
        Some(&found.portal).filter(|portal| !portal.subscription_update)
    }
}

impl Sold<'_> {
    /// What a month costs, else a twelfth of the year.
    fn fee(&self) -> rust_decimal::Decimal {
        let fee = |interval| self.base(interval).and_then(flat);
        let year = || fee(Interval::Year).map(|fee| fee / rust_decimal::Decimal::from(12));
        fee(Interval::Month).or_else(year).unwrap_or_default()
    }

    fn base(&self, interval: Interval) -> Option<&Price> {
        let key = lookup_key(&self.product.tier, interval);
        self.prices.iter().copied().find(|price| price.lookup_key.as_ref() == Some(&key))
    }

    fn write(&self, text: &mut String) {
        let Product { tier, name, description, contact, .. } = self.product;
        let description = description.as_deref().unwrap_or_default();
        let _ = write!(
            text,
            "\n[[plans]]\ntier = {}\nname = {}\ndescription = {}\n",
            quoted(tier),
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

    /// Units a month, by meter.
    fn included(&self) -> BTreeMap<&str, u64> {
        let mut included = BTreeMap::new();
        for price in &self.prices {
            let (Some(metered), Some(terms)) = (&price.metered, &price.terms) else { continue };
            let months = if terms.interval == Interval::Year { 12 } else { 1 };
            let units = match terms.charges.get(&terms.currency) {
                Some(Charge::Beyond { included, .. }) => included / months,
                _ => 0,
            };
            included.entry(metered.meter.as_str()).or_insert(units);
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

/// `{ usd = "10.00" }`
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
        |words: &[String]| format!("[{}]", words.iter().map(quoted).collect::<Vec<_>>().join(", "));
    let _ = write!(
        text,
        "invoice_history = {}\npayment_method_update = {}\nsubscription_cancel = {}\ncancellation_reasons = {}\ncustomer_update = {}\n",
        portal.invoice_history,
        portal.payment_method_update,
        quoted(portal.subscription_cancel.map_or("off", Cancel::as_str)),
        list(&portal.cancellation_reasons),
        list(&portal.customer_update)
    );
}

/// JSON's escapes are TOML's, too.
fn quoted(text: impl AsRef<str>) -> String {
    serde_json::Value::from(text.as_ref()).to_string()
}
