//! What a change makes different: each field's value before and after, as people write it.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use shared::respond::{Currency, Money, exact, unit_price};

use super::now::{Now, Price as PriceNow, Product as ProductNow};
use super::plan::Change;
use super::portal;
use super::wanted::{Charge, Metered, Plan, Portal, Price};

/// One field; `None` where there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) field: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

type Fields = Vec<(String, Option<String>)>;

/// Nothing for what is kept, and for what is archived, of which no field changes.
pub(super) fn differences(change: &Change, now: &Now) -> Vec<Difference> {
    let none = Fields::new();
    match change {
        Change::CreateMeter(meter) => compare(&none, &meter_fields(&meter.display_name, true)),
        Change::UpdateMeter { id, meter, .. } => {
            let found = now.meters.iter().find(|found| found.id == *id);
            let before = found.map(|found| meter_fields(&found.display_name, found.active));
            compare(&before.unwrap_or_default(), &meter_fields(&meter.display_name, true))
        }
        Change::CreateProduct(plan) => compare(&none, &plan_fields(plan)),
        Change::UpdateProduct { id, plan } => {
            let found = now.products.iter().find(|found| found.id == *id);
            compare(&found.map(product_fields).unwrap_or_default(), &plan_fields(plan))
        }
        Change::CreatePrice(new) => {
            let found = now.prices.iter().find(|found| Some(&found.id) == new.replaces.as_ref());
            compare(&found.map(old_price_fields).unwrap_or_default(), &price_fields(&new.price))
        }
        Change::UpdatePrice { id, price } => {
            let found = now.prices.iter().find(|found| found.id == *id);
            compare(&found.map(old_price_fields).unwrap_or_default(), &price_fields(price))
        }
        Change::CreatePortal(wanted) => compare(&none, &portal_fields(wanted, true)),
        Change::UpdatePortal { portal: wanted, .. } => {
            let found = portal::ours(&now.portals);
            let before = found.map(|found| portal_fields(&found.portal, found.active));
            compare(&before.unwrap_or_default(), &portal_fields(wanted, true))
        }
        _ => Vec::new(),
    }
}

/// The fields that are not the same, in the order of what is wanted.
fn compare(before: &Fields, after: &Fields) -> Vec<Difference> {
    let value = |fields: &Fields, name: &String| {
        fields.iter().find(|(other, _)| other == name).and_then(|(_, value)| value.clone())
    };
    let gone = before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name));
    let names = after.iter().chain(gone).map(|(name, _)| name);
    names
        .map(|name| Difference {
            field: name.clone(),
            from: value(before, name),
            to: value(after, name),
        })
        .filter(|difference| difference.from != difference.to)
        .collect()
}

fn field(name: &str, value: Option<String>) -> (String, Option<String>) {
    (name.to_owned(), value)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Said only where it is not so: most things are active, and stay it.
fn active(is_active: bool) -> (String, Option<String>) {
    field("archived", (!is_active).then(|| "yes".to_owned()))
}

fn meter_fields(display_name: &str, is_active: bool) -> Fields {
    vec![field("display_name", Some(quoted(display_name))), active(is_active)]
}

fn plan_fields(plan: &Plan) -> Fields {
    texts(&plan.name, Some(&plan.description), plan.contact.as_ref(), true)
}

fn product_fields(product: &ProductNow) -> Fields {
    let contact = product.contact.as_ref();
    texts(&product.name, product.description.as_ref(), contact, product.active)
}

fn texts(
    name: &str,
    description: Option<&String>,
    contact: Option<&String>,
    is_active: bool,
) -> Fields {
    vec![
        field("name", Some(quoted(name))),
        field("description", description.map(|text| quoted(text))),
        field("contact", contact.map(|text| quoted(text))),
        active(is_active),
    ]
}

fn price_fields(price: &Price) -> Fields {
    let metered = price.metered.as_ref();
    let mut fields = charges_fields(price.currency, &price.charges, metered);
    fields.extend(unit_fields(metered));
    fields.push(active(true));
    fields
}

fn old_price_fields(price: &PriceNow) -> Fields {
    let metered = price.metered.as_ref();
    let mut fields = match &price.terms {
        Some(terms) => charges_fields(terms.currency, &terms.charges, metered),
        None => vec![field("charges", Some("in a way that no catalogue asks for".to_owned()))],
    };
    fields.extend(unit_fields(metered));
    fields.push(active(price.active));
    fields
}

/// The price's own currency first; the others by their names.
fn charges_fields(
    own: Currency,
    charges: &BTreeMap<Currency, Charge>,
    metered: Option<&Metered>,
) -> Fields {
    let mut fields = Fields::new();
    for (code, charge) in charges.iter().filter(|(code, _)| **code == own) {
        fields.extend(charge_fields(*code, *charge, metered));
    }
    for (code, charge) in charges.iter().filter(|(code, _)| **code != own) {
        let named = |(name, value): (String, _)| (format!("{name} {}", code.as_str()), value);
        fields.extend(charge_fields(*code, *charge, metered).into_iter().map(named));
    }
    fields
}

fn unit_fields(metered: Option<&Metered>) -> Fields {
    let of = |name: &str, read: fn(&Metered) -> &String| {
        metered.map(|metered| field(name, Some(quoted(read(metered)))))
    };
    of("meter", |metered| &metered.meter)
        .into_iter()
        .chain(of("unit", |metered| &metered.unit))
        .collect()
}

/// A base fee is an amount; a metered price has an allowance, and the price of a unit beyond it.
fn charge_fields(code: Currency, charge: Charge, metered: Option<&Metered>) -> Fields {
    let (included, unit) = match charge {
        Charge::Flat(minor) if metered.is_none() => {
            let amount = minor.to_i64().filter(|_| minor.is_integer());
            let amount = amount.map(|minor| Money::new(minor, code).to_string());
            let amount = amount.or_else(|| unit_price(minor, code)).unwrap_or_else(|| exact(minor));
            return vec![field("amount", Some(format!("{amount} {code}")))];
        }
        Charge::Flat(unit) => (0, unit),
        Charge::Beyond { included, unit } => (included, unit),
    };
    let price = unit_price(unit, code).unwrap_or_else(|| exact(unit));
    vec![
        field("included", Some(included.to_string())),
        field("unit_amount", Some(format!("{price} {code}"))),
    ]
}

fn portal_fields(portal: &Portal, is_active: bool) -> Fields {
    let settings = portal.settings().into_iter();
    settings.map(|(name, value)| field(name, value)).chain([active(is_active)]).collect()
}
