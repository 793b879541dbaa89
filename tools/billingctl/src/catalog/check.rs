//! From what the file says to what Stripe is to hold, refusing what makes no sense.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rust_decimal::Decimal;
use shared::catalog::lookup_key;
use shared::respond::Currency;
use shared::stripe::views::Interval;
use toml::Spanned;

use super::file::{Amounts, File, Plan as PlanEntry, Wrong};
use super::wanted::{Catalogue, Charge, Meter, Metered, Plan, Price};

/// Stripe's limits: digits of an amount, decimals of a sub-cent one, characters of a text.
const LARGEST_MINOR: u64 = 99_999_999;
const MOST_DECIMALS: u32 = 12;
const LONGEST_TEXT: usize = 250;

type Checked<T> = Result<T, Wrong>;

fn wrong<T>(span: Range<usize>, reason: impl Into<String>) -> Checked<T> {
    Err(Wrong { span, reason: reason.into() })
}

/// What the plans refer to.
struct Terms<'a> {
    file: &'a File,
    currency: Currency,
    /// Every currency that anything is priced in.
    currencies: BTreeSet<Currency>,
}

pub(super) fn catalogue(file: &File) -> Checked<Catalogue> {
    let terms = Terms { file, currency: currency(&file.currency)?, currencies: currencies(file)? };
    let meters = meters(file)?;
    for (name, amounts) in &file.overage {
        if !meters.iter().any(|meter| meter.name == *name.get_ref()) {
            return wrong(
                name.span(),
                format!("there is no meter \"{}\" to charge for", name.get_ref()),
            );
        }
        terms.charges(amounts, unit_amount)?;
    }
    let mut tiers = BTreeSet::new();
    let mut plans = Vec::new();
    for plan in &file.plans {
        name(&plan.tier)?;
        if !tiers.insert(plan.tier.get_ref()) {
            return wrong(
                plan.tier.span(),
                format!("there are two plans with the tier \"{}\"", plan.tier.get_ref()),
            );
        }
        plans.push(terms.plan(plan)?);
    }
    Ok(Catalogue { meters, plans })
}

fn meters(file: &File) -> Checked<Vec<Meter>> {
    let (mut names, mut events) = (BTreeSet::new(), BTreeSet::new());
    for meter in &file.meters {
        name(&meter.name)?;
        if !names.insert(meter.name.get_ref()) {
            return wrong(
                meter.name.span(),
                format!("there are two meters with the name \"{}\"", meter.name.get_ref()),
            );
        }
        let event = text(&meter.event_name)?;
        if !event.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return wrong(meter.event_name.span(), "an event name is letters, digits and _");
        }
        if !events.insert(event) {
            return wrong(
                meter.event_name.span(),
                format!("there are two meters with the event name \"{event}\""),
            );
        }
        text(&meter.display_name)?;
        text(&meter.unit)?;
    }
    let meter = |meter: &super::file::Meter| Meter {
        name: meter.name.get_ref().clone(),
        event_name: meter.event_name.get_ref().clone(),
        display_name: meter.display_name.get_ref().clone(),
    };
    Ok(file.meters.iter().map(meter).collect())
}

/// Part of a lookup key, in which `_` separates.
fn name(name: &Spanned<String>) -> Checked<()> {
    let text = name.get_ref();
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let reason =
        || format!("\"{text}\" is no name; write up to 40 of a-z, 0-9 and -, a letter first");
    if is_name { Ok(()) } else { wrong(name.span(), reason()) }
}

fn text(text: &Spanned<String>) -> Checked<&str> {
    let is_text =
        !text.get_ref().trim().is_empty() && text.get_ref().chars().count() <= LONGEST_TEXT;
    if is_text {
        Ok(text.get_ref())
    } else {
        wrong(text.span(), format!("this has to be 1 to {LONGEST_TEXT} characters long"))
    }
}

fn currency(code: &Spanned<String>) -> Checked<Currency> {
    let known = code
        .get_ref()
        .parse()
        .ok()
        .filter(|_| code.get_ref().bytes().all(|byte| byte.is_ascii_lowercase()));
    let reason =
        || format!("\"{}\" is no currency; write three small letters, such as usd", code.get_ref());
    known.map_or_else(|| wrong(code.span(), reason()), Ok)
}

fn currencies(file: &File) -> Checked<BTreeSet<Currency>> {
    let fees = file.plans.iter().flat_map(|plan| [&plan.month, &plan.year]).flatten();
    let mut all = BTreeSet::from([currency(&file.currency)?]);
    for amounts in fees.chain(file.overage.values()) {
        for code in amounts.get_ref().keys() {
            all.insert(currency(code)?);
        }
    }
    Ok(all)
}

impl Terms<'_> {
    fn plan(&self, plan: &PlanEntry) -> Checked<Plan> {
        let fees = [(Interval::Month, &plan.month), (Interval::Year, &plan.year)];
        let mut prices = Vec::new();
        for (interval, fee) in fees {
            let Some(fee) = fee else { continue };
            prices.push(self.base(plan, interval, fee)?);
            for (meter, included) in &plan.included {
                prices.push(self.metered(plan, interval, meter, included)?);
            }
        }
        match (&plan.contact, prices.first()) {
            (Some(contact), Some(_)) => wrong(
                contact.span(),
                "a plan with a contact is sold by people and has no month and no year",
            ),
            (None, None) => wrong(
                plan.tier.span(),
                "this plan has no month, no year and no contact, so nobody could buy it",
            ),
            (Some(contact), None) if !plan.included.is_empty() => {
                wrong(contact.span(), "a plan without a price has nothing included")
            }
            _ => Ok(()),
        }?;
        Ok(Plan {
            tier: plan.tier.get_ref().clone(),
            name: text(&plan.name)?.to_owned(),
            description: text(&plan.description)?.to_owned(),
            contact: plan.contact.as_ref().map(text).transpose()?.map(str::to_owned),
            prices,
        })
    }

    fn base(&self, plan: &PlanEntry, interval: Interval, fee: &Spanned<Amounts>) -> Checked<Price> {
        let charges = self
            .charges(fee, base_amount)?
            .into_iter()
            .map(|(code, minor)| (code, Charge::Flat(minor)));
        Ok(Price {
            lookup_key: lookup_key(plan.tier.get_ref(), interval),
            interval,
            metered: None,
            currency: self.currency,
            charges: charges.collect(),
        })
    }

    fn metered(
        &self,
        plan: &PlanEntry,
        interval: Interval,
        name: &Spanned<String>,
        included: &Spanned<u64>,
    ) -> Checked<Price> {
        let meter = name.get_ref();
        let Some(entry) = self.file.meters.iter().find(|entry| entry.name.get_ref() == meter)
        else {
            return wrong(name.span(), format!("there is no meter \"{meter}\""));
        };
        let Some(overage) = self.file.overage.get(name) else {
            return wrong(name.span(), format!("[overage] has no amount for \"{meter}\""));
        };
        let months = if interval == Interval::Year { 12 } else { 1 };
        let Some(units) =
            included.get_ref().checked_mul(months).filter(|units| *units <= LARGEST_MINOR)
        else {
            return wrong(
                included.span(),
                format!("this is more than the {LARGEST_MINOR} units that can be included"),
            );
        };
        let charge = |unit| {
            if units == 0 { Charge::Flat(unit) } else { Charge::Beyond { included: units, unit } }
        };
        let charges = self
            .charges(overage, unit_amount)?
            .into_iter()
            .map(|(code, unit)| (code, charge(unit)));
        Ok(Price {
            lookup_key: format!("{}_{meter}", lookup_key(plan.tier.get_ref(), interval)),
            interval,
            metered: Some(Metered { meter: meter.clone(), unit: entry.unit.get_ref().clone() }),
            currency: self.currency,
            charges: charges.collect(),
        })
    }

    /// Minor units by currency. A currency that only some prices have would make a plan that can be
    /// bought in part.
    fn charges(
        &self,
        amounts: &Spanned<Amounts>,
        read: fn(&str, Currency) -> Result<Decimal, String>,
    ) -> Checked<BTreeMap<Currency, Decimal>> {
        let mut charges = BTreeMap::new();
        for (code, amount) in amounts.get_ref() {
            let code = currency(code)?;
            match read(&amount.get_ref().0, code) {
                Ok(minor) => charges.insert(code, minor),
                Err(reason) => return wrong(amount.span(), reason),
            };
        }
        match self.currencies.iter().find(|code| !charges.contains_key(code)) {
            Some(missing) => wrong(
                amounts.span(),
                format!("there is no amount in {}, in which other prices are", missing.as_str()),
            ),
            None => Ok(charges),
        }
    }
}

/// A base fee, which is charged as it is: whole minor units, as Stripe takes them.
fn base_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if !minor.is_integer() {
        return Err(format!(
            "\"{text}\" has more decimals than the {} of {}",
            currency.decimals(),
            currency.as_str()
        ));
    }
    // Two-decimal to the API, but only whole units of them; and three-decimal ones end in 0.
    let step = match (currency.as_str(), currency.decimals()) {
        ("isk" | "ugx", _) => 100,
        (_, 3) => 10,
        _ => 1,
    };
    if !(minor % Decimal::from(step)).is_zero() {
        return Err(format!(
            "\"{text}\" is no amount that Stripe charges in {}; round it",
            currency.as_str()
        ));
    }
    if minor > Decimal::from(LARGEST_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe charges at once"));
    }
    Ok(minor)
}

/// A unit price, which may be below a minor unit.
fn unit_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if minor.scale() > MOST_DECIMALS {
        return Err(format!("\"{text}\" has more decimals than Stripe takes"));
    }
    if minor > Decimal::from(LARGEST_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe charges for a unit"));
    }
    Ok(minor)
}

fn minor(text: &str, currency: Currency) -> Result<Decimal, String> {
    let is_amount = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && !text.ends_with('.');
    let amount = Decimal::from_str_exact(text).ok().filter(|_| is_amount);
    let minor = amount
        .and_then(|amount| amount.checked_mul(Decimal::from(10_u32.pow(currency.decimals()))));
    minor
        .map(|minor| minor.normalize())
        .ok_or_else(|| format!("\"{text}\" is no amount; write it as \"10.00\""))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
