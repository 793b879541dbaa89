//! Validates the catalog file and converts it into the desired catalog.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shared::billing::catalog::lookup_key;
use shared::stripe::views::Interval;
use shared::values::Currency;
use toml::Spanned;

use super::amount::{base_amount, currency, unit_amount};
use super::desired::{Catalog, Charge, Labels, Meter, Owner, Plan, Price};
use super::file::{Amounts, File, Meter as MeterEntry, Plan as PlanEntry};
use super::portal;
use super::toml_reader::{Faults, check_length};

/// Stripe's limit of a tier, in units.
const MAX_UNITS: u64 = 99_999_999;

/// Stripe's limit of a product's `unit_label`, in characters.
const MAX_UNIT_LENGTH: usize = 12;

/// Validation of the plans.
struct Validator<'a> {
    file: &'a File,
    currency: Currency,
    /// All currencies of the file's prices.
    currencies: BTreeSet<Currency>,
    /// Whether metered prices are on a product of their meter.
    meter_products: bool,
    faults: &'a mut Faults,
}

/// Validates a file. The result is complete only if there is no fault.
pub(super) fn validate(file: &File, faults: &mut Faults) -> Catalog {
    let known = file.currency.as_ref().and_then(|code| currency_of(code, faults));
    // A file without a currency is invalid; the rest is validated with any currency.
    let Some(currency) = known.or_else(|| "usd".parse().ok()) else { return Catalog::default() };
    let mut currencies = currencies(file, faults);
    currencies.extend(known);
    let meter_products = file.meter_products.unwrap_or(true);
    let meters = meters(file, meter_products, faults);
    let mut validator = Validator { file, currency, currencies, meter_products, faults };
    validator.overage();
    let plans = validator.plans();
    validator.check_duplicates(&plans);
    Catalog {
        meters,
        plans,
        portal: file.portal.as_ref().and_then(|entry| portal::validate::validate(entry, faults)),
    }
}

fn meters(file: &File, meter_products: bool, faults: &mut Faults) -> Vec<Meter> {
    let (mut names, mut events) = (BTreeSet::new(), BTreeSet::new());
    let mut meters = Vec::new();
    for entry in &file.meters {
        if let Some(span) = &entry.name {
            check_name(span, faults);
            if !names.insert(span.get_ref()) {
                faults.add(
                    span.span(),
                    format!("two meters have the name \"{}\"; rename one", span.get_ref()),
                );
            }
        }
        if let Some(event) = &entry.event_name {
            if !event.get_ref().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                faults.add(event.span(), "an event name must consist of letters, digits and _");
            }
            if !events.insert(event.get_ref()) {
                faults.add(
                    event.span(),
                    format!("two meters have the event name \"{}\"; rename one", event.get_ref()),
                );
            }
        }
        for text in [&entry.event_name, &entry.display_name, &entry.unit].into_iter().flatten() {
            check_length(text, faults);
        }
        let is_long = |unit: &&Spanned<String>| unit.get_ref().chars().count() > MAX_UNIT_LENGTH;
        if let Some(unit) = entry.unit.as_ref().filter(is_long).filter(|_| meter_products) {
            faults.add(
                unit.span(),
                format!(
                    "Stripe prints units of at most {MAX_UNIT_LENGTH} characters on invoices; shorten this one"
                ),
            );
        }
        meters.extend(meter(entry));
    }
    meters
}

fn meter(entry: &MeterEntry) -> Option<Meter> {
    Some(Meter {
        name: entry.name.as_ref()?.get_ref().clone(),
        event_name: entry.event_name.as_ref()?.get_ref().clone(),
        display_name: entry.display_name.as_ref()?.get_ref().clone(),
        unit: entry.unit.as_ref()?.get_ref().clone(),
    })
}

/// Checks the name of a meter or tier. It is part of lookup keys, which have `_` as their separator.
fn check_name(name: &Spanned<String>, faults: &mut Faults) {
    let text = name.get_ref();
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        faults.add(
            name.span(),
            format!(
                "\"{text}\" is not a name; write up to 40 of a-z, 0-9 and -, starting with a letter"
            ),
        );
    }
}

fn currency_of(code: &Spanned<String>, faults: &mut Faults) -> Option<Currency> {
    let known = currency(code.get_ref());
    if known.is_none() {
        let reason = format!(
            "\"{}\" is not a currency of Stripe; write a code in lower case, for example usd",
            code.get_ref()
        );
        faults.add(code.span(), reason);
    }
    known
}

fn currencies(file: &File, faults: &mut Faults) -> BTreeSet<Currency> {
    let fees = file.plans.iter().flat_map(|plan| [&plan.month, &plan.year]).flatten();
    let all = fees.chain(file.overage.iter().map(|(_, amounts)| amounts));
    let codes = all.flat_map(|amounts| amounts.get_ref().iter().map(|(code, _)| code));
    codes.filter_map(|code| currency_of(code, faults)).collect()
}

impl Validator<'_> {
    fn overage(&mut self) {
        for (meter, amounts) in &self.file.overage {
            if self.unit(meter.get_ref()).is_none() {
                let reason = format!(
                    "there is no meter \"{}\"; add it to meters or remove the amounts",
                    meter.get_ref()
                );
                self.faults.add(meter.span(), reason);
            }
            self.charges(amounts, unit_amount);
        }
    }

    /// Returns the meter's unit; `None` if there is no such meter.
    fn unit(&self, meter: &str) -> Option<String> {
        let named =
            |entry: &&MeterEntry| entry.name.as_ref().is_some_and(|name| name.get_ref() == meter);
        let entry = self.file.meters.iter().find(named)?;
        Some(entry.unit.as_ref().map(|unit| unit.get_ref().clone()).unwrap_or_default())
    }

    fn plans(&mut self) -> Vec<Plan> {
        let mut tiers = BTreeSet::new();
        let mut plans = Vec::new();
        for entry in &self.file.plans {
            if let Some(tier) = &entry.tier {
                check_name(tier, self.faults);
                if !tiers.insert(tier.get_ref()) {
                    let reason =
                        format!("two plans have the tier \"{}\"; rename one", tier.get_ref());
                    self.faults.add(tier.span(), reason);
                }
            }
            plans.extend(self.plan(entry));
        }
        plans
    }

    fn plan(&mut self, entry: &PlanEntry) -> Option<Plan> {
        for text in [&entry.name, &entry.description, &entry.contact].into_iter().flatten() {
            check_length(text, self.faults);
        }
        let tier = entry.tier.as_ref()?;
        let mut prices = Vec::new();
        for (interval, fee) in [(Interval::Month, &entry.month), (Interval::Year, &entry.year)] {
            let Some(fee) = fee else { continue };
            prices.push(self.base(tier.get_ref(), interval, fee));
            for (meter, included) in &entry.included {
                prices.extend(self.metered(tier.get_ref(), interval, meter, included.as_ref()));
            }
        }
        match (&entry.contact, prices.is_empty()) {
            (Some(contact), false) => self.faults.add(
                contact.span(),
                "a plan with a contact is sales-led; remove the contact, or month and year",
            ),
            (None, true) => self.faults.add(
                tier.span(),
                "this plan has no month, no year and no contact, so nobody can buy it; add one of them",
            ),
            (Some(contact), true) if !entry.included.is_empty() => {
                self.faults.add(contact.span(), "a sales-led plan includes no units; remove included");
            }
            _ => {}
        }
        Some(Plan {
            tier: tier.get_ref().clone(),
            name: entry.name.as_ref()?.get_ref().clone(),
            description: entry.description.as_ref()?.get_ref().clone(),
            contact: entry.contact.as_ref().map(|contact| contact.get_ref().clone()),
            prices,
        })
    }

    fn base(&mut self, tier: &str, interval: Interval, fee: &Spanned<Amounts>) -> Price {
        let charges = self.charges(fee, base_amount).into_iter();
        Price {
            lookup_key: lookup_key(tier, interval),
            product: Owner::Plan(tier.to_owned()),
            interval,
            labels: Labels::default(),
            currency: self.currency,
            charges: charges.map(|(code, minor)| (code, Charge::Flat(minor))).collect(),
        }
    }

    fn metered(
        &mut self,
        tier: &str,
        interval: Interval,
        name: &Spanned<String>,
        included: Option<&Spanned<u64>>,
    ) -> Option<Price> {
        let meter = name.get_ref();
        let Some(unit) = self.unit(meter) else {
            self.faults.add(
                name.span(),
                format!("there is no meter \"{meter}\"; add it to meters or remove it here"),
            );
            return None;
        };
        let overage = self.file.overage.iter().find(|(other, _)| other.get_ref() == meter);
        let Some((_, overage)) = overage else {
            self.faults
                .add(name.span(), format!("[overage] has no amount for \"{meter}\"; add one"));
            return None;
        };
        let included = included?;
        let months = if interval == Interval::Year { 12 } else { 1 };
        let units = included.get_ref().checked_mul(months).filter(|units| *units <= MAX_UNITS);
        let Some(units) = units else {
            let reason = format!("a plan can include at most {MAX_UNITS} units");
            self.faults.add(included.span(), reason);
            return None;
        };
        let charge = |unit| {
            if units == 0 { Charge::Flat(unit) } else { Charge::Beyond { included: units, unit } }
        };
        let charges = self.charges(overage, unit_amount).into_iter();
        let (product, labels) = self.metered_labels(tier, meter, unit);
        Some(Price {
            lookup_key: format!("{}_{meter}", lookup_key(tier, interval)),
            product,
            interval,
            labels,
            currency: self.currency,
            charges: charges.map(|(code, unit)| (code, charge(unit))).collect(),
        })
    }

    /// Returns the product and the labels of a metered price. A product of the meter has the unit, and the
    /// price names its plan; on the plan's product it is the reverse.
    fn metered_labels(&self, tier: &str, meter: &str, unit: String) -> (Owner, Labels) {
        let (plan, name) = (tier.to_owned(), meter.to_owned());
        if self.meter_products {
            let labels = Labels { plan: Some(plan), meter: Some(name.clone()), unit: None };
            (Owner::Meter(name), labels)
        } else {
            let labels = Labels { plan: None, meter: Some(name), unit: Some(unit) };
            (Owner::Plan(plan), labels)
        }
    }

    /// Returns minor units by currency. Every price must have the same currencies, because a plan cannot
    /// be bought in a currency that some of its prices lack.
    fn charges(
        &mut self,
        amounts: &Spanned<Amounts>,
        read: fn(&str, Currency) -> Result<Decimal, String>,
    ) -> BTreeMap<Currency, Decimal> {
        let mut charges = BTreeMap::new();
        let mut named = BTreeSet::new();
        for (code, amount) in amounts.get_ref() {
            let Some(code) = currency(code.get_ref()) else { continue };
            named.insert(code);
            let Some(amount) = amount else { continue };
            match read(amount.get_ref(), code) {
                Ok(minor) => drop(charges.insert(code, minor)),
                Err(reason) => self.faults.add(amount.span(), reason),
            }
        }
        let missing: Vec<&str> = self.currencies.difference(&named).map(Currency::as_str).collect();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            let reason =
                format!("there is no amount in {missing}, which other prices have; add one");
            self.faults.add(amounts.span(), reason);
        }
        charges
    }

    /// Reports plans that cost and include the same as another, because customers could not choose
    /// between them.
    fn check_duplicates(&mut self, plans: &[Plan]) {
        for (index, plan) in plans.iter().enumerate().filter(|(_, plan)| !plan.prices.is_empty()) {
            let Some(twin) = plans[..index].iter().find(|other| offer(other) == offer(plan)) else {
                continue;
            };
            let entry = self.file.plans.iter().filter_map(|entry| entry.tier.as_ref());
            for tier in entry.filter(|tier| *tier.get_ref() == plan.tier && plan.tier != twin.tier)
            {
                let reason = format!(
                    "\"{}\" costs and includes the same as \"{}\"; remove one of them",
                    plan.tier, twin.tier
                );
                self.faults.add(tier.span(), reason);
            }
        }
    }
}

/// Returns the charges of a plan, for comparison with another.
fn offer(plan: &Plan) -> Vec<(Interval, Option<&String>, &BTreeMap<Currency, Charge>)> {
    plan.prices
        .iter()
        .map(|price| (price.interval, price.labels.meter.as_ref(), &price.charges))
        .collect()
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
