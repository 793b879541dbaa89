//! From what the file says to what Stripe is to hold, refusing what makes no sense.

use std::collections::{BTreeMap, BTreeSet};

use shared::catalog::lookup_key;
use shared::respond::Currency;
use shared::stripe::views::Interval;
use toml::Spanned;

use super::amount::{base_amount, currency, unit_amount};
use super::file::{Amounts, File, Meter as MeterEntry, Plan as PlanEntry};
use super::portal;
use super::reader::Faults;
use super::wanted::{Catalogue, Charge, Meter, Metered, Plan, Price};

use rust_decimal::Decimal;

/// Stripe's limits: units of a tier, characters of a text.
const MOST_UNITS: u64 = 99_999_999;
const LONGEST_TEXT: usize = 250;

/// What the plans refer to, and what is wrong so far.
struct Terms<'a> {
    file: &'a File,
    currency: Currency,
    /// Every currency that anything is priced in.
    currencies: BTreeSet<Currency>,
    faults: &'a mut Faults,
}

/// What the file says, as far as it makes sense; of use only if there is no fault.
pub(super) fn catalogue(file: &File, faults: &mut Faults) -> Catalogue {
    let known = file.currency.as_ref().and_then(|code| currency_of(code, faults));
    // Without one of its own the file is refused; the rest of it is checked all the same.
    let Some(currency) = known.or_else(|| "usd".parse().ok()) else { return Catalogue::default() };
    let mut currencies = currencies(file, faults);
    currencies.extend(known);
    let meters = meters(file, faults);
    let mut terms = Terms { file, currency, currencies, faults };
    terms.overage();
    let plans = terms.plans();
    terms.alike(&plans);
    Catalogue {
        meters,
        plans,
        portal: file.portal.as_ref().and_then(|entry| portal::check(entry, faults)),
    }
}

fn meters(file: &File, faults: &mut Faults) -> Vec<Meter> {
    let (mut names, mut events) = (BTreeSet::new(), BTreeSet::new());
    let mut meters = Vec::new();
    for entry in &file.meters {
        if let Some(span) = &entry.name {
            name(span, faults);
            if !names.insert(span.get_ref()) {
                faults.add(
                    span.span(),
                    format!("there are two meters with the name \"{}\"", span.get_ref()),
                );
            }
        }
        if let Some(event) = &entry.event_name {
            if !event.get_ref().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                faults.add(event.span(), "an event name is letters, digits and _");
            }
            if !events.insert(event.get_ref()) {
                faults.add(
                    event.span(),
                    format!("there are two meters with the event name \"{}\"", event.get_ref()),
                );
            }
        }
        for long in [&entry.event_name, &entry.display_name, &entry.unit].into_iter().flatten() {
            text(long, faults);
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
    })
}

/// Part of a lookup key, in which `_` separates.
fn name(name: &Spanned<String>, faults: &mut Faults) {
    let text = name.get_ref();
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        faults.add(
            name.span(),
            format!("\"{text}\" is no name; write up to 40 of a-z, 0-9 and -, a letter first"),
        );
    }
}

pub(super) fn text(text: &Spanned<String>, faults: &mut Faults) {
    let is_text =
        !text.get_ref().trim().is_empty() && text.get_ref().chars().count() <= LONGEST_TEXT;
    if !is_text {
        faults.add(text.span(), format!("this has to be 1 to {LONGEST_TEXT} characters long"));
    }
}

fn currency_of(code: &Spanned<String>, faults: &mut Faults) -> Option<Currency> {
    let known = currency(code.get_ref());
    if known.is_none() {
        let reason = format!(
            "\"{}\" is no currency of Stripe's; write three small letters, such as usd",
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

impl Terms<'_> {
    fn overage(&mut self) {
        for (meter, amounts) in &self.file.overage {
            if self.unit(meter.get_ref()).is_none() {
                let reason = format!("there is no meter \"{}\" to charge for", meter.get_ref());
                self.faults.add(meter.span(), reason);
            }
            self.charges(amounts, unit_amount);
        }
    }

    /// The meter's unit; `None` if there is no such meter.
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
                name(tier, self.faults);
                if !tiers.insert(tier.get_ref()) {
                    let reason =
                        format!("there are two plans with the tier \"{}\"", tier.get_ref());
                    self.faults.add(tier.span(), reason);
                }
            }
            plans.extend(self.plan(entry));
        }
        plans
    }

    fn plan(&mut self, entry: &PlanEntry) -> Option<Plan> {
        for words in [&entry.name, &entry.description, &entry.contact].into_iter().flatten() {
            text(words, self.faults);
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
                "a plan with a contact is sold by people and has no month and no year",
            ),
            (None, true) => self.faults.add(
                tier.span(),
                "this plan has no month, no year and no contact, so nobody could buy it",
            ),
            (Some(contact), true) if !entry.included.is_empty() => {
                self.faults.add(contact.span(), "a plan without a price has nothing included");
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
            interval,
            metered: None,
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
            self.faults.add(name.span(), format!("there is no meter \"{meter}\""));
            return None;
        };
        let overage = self.file.overage.iter().find(|(other, _)| other.get_ref() == meter);
        let Some((_, overage)) = overage else {
            self.faults.add(name.span(), format!("[overage] has no amount for \"{meter}\""));
            return None;
        };
        let included = included?;
        let months = if interval == Interval::Year { 12 } else { 1 };
        let units = included.get_ref().checked_mul(months).filter(|units| *units <= MOST_UNITS);
        let Some(units) = units else {
            let reason = format!("this is more than the {MOST_UNITS} units that can be included");
            self.faults.add(included.span(), reason);
            return None;
        };
        let charge = |unit| {
            if units == 0 { Charge::Flat(unit) } else { Charge::Beyond { included: units, unit } }
        };
        let charges = self.charges(overage, unit_amount).into_iter();
        Some(Price {
            lookup_key: format!("{}_{meter}", lookup_key(tier, interval)),
            interval,
            metered: Some(Metered { meter: meter.clone(), unit }),
            currency: self.currency,
            charges: charges.map(|(code, unit)| (code, charge(unit))).collect(),
        })
    }

    /// Minor units by currency. A currency that only some prices have would make a plan that can be
    /// bought in part.
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
            let reason = format!("there is no amount in {missing}, in which other prices are");
            self.faults.add(amounts.span(), reason);
        }
        charges
    }

    /// One offer under two names is a slip: nobody could choose between them.
    fn alike(&mut self, plans: &[Plan]) {
        for (index, plan) in plans.iter().enumerate().filter(|(_, plan)| !plan.prices.is_empty()) {
            let Some(twin) = plans[..index].iter().find(|other| offer(other) == offer(plan)) else {
                continue;
            };
            let entry = self.file.plans.iter().filter_map(|entry| entry.tier.as_ref());
            for tier in entry.filter(|tier| *tier.get_ref() == plan.tier && plan.tier != twin.tier)
            {
                let reason = format!(
                    "\"{}\" costs and includes just what \"{}\" does; one of them is too many",
                    plan.tier, twin.tier
                );
                self.faults.add(tier.span(), reason);
            }
        }
    }
}

/// All that a plan charges, whatever it is called.
fn offer(plan: &Plan) -> Vec<(Interval, Option<&Metered>, &BTreeMap<Currency, Charge>)> {
    plan.prices
        .iter()
        .map(|price| (price.interval, price.metered.as_ref(), &price.charges))
        .collect()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
