//! Changed fields of an object: the values before and after, formatted for people.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use shared::values::{Currency, Money, exact, unit_price};

use super::actual::{Price as ActualPrice, Product, StripeState, managed_portal};
use super::desired::{CancelMode, Charge, Metered, Plan, Portal, Price};
use super::planner::Change;

/// A changed field. `None` means that the field has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldChange {
    pub(super) field: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

type Fields = Vec<(String, Option<String>)>;

/// Returns the changed fields; none for an object that is kept or archived.
pub(super) fn field_changes(change: &Change, actual: &StripeState) -> Vec<FieldChange> {
    let none = Fields::new();
    match change {
        Change::CreateMeter(meter) => compare(&none, &meter_fields(&meter.display_name, true)),
        Change::UpdateMeter { id, meter, .. } => {
            let found = actual.meters.iter().find(|found| found.id == *id);
            let before = found.map(|found| meter_fields(&found.display_name, found.active));
            compare(&before.unwrap_or_default(), &meter_fields(&meter.display_name, true))
        }
        Change::CreateProduct(plan) => compare(&none, &plan_fields(plan)),
        Change::UpdateProduct { id, plan } => {
            let found = actual.products.iter().find(|found| found.id == *id);
            compare(&found.map(product_fields).unwrap_or_default(), &plan_fields(plan))
        }
        Change::CreatePrice(new) => {
            let found = actual.prices.iter().find(|found| Some(&found.id) == new.replaces.as_ref());
            compare(&found.map(actual_price_fields).unwrap_or_default(), &price_fields(&new.price))
        }
        Change::UpdatePrice { id, price } => {
            let found = actual.prices.iter().find(|found| found.id == *id);
            compare(&found.map(actual_price_fields).unwrap_or_default(), &price_fields(price))
        }
        Change::CreatePortal(portal) => compare(&none, &portal_fields(portal, true)),
        Change::UpdatePortal { portal, .. } => {
            let found = managed_portal(&actual.portals);
            let before = found.map(|found| portal_fields(&found.portal, found.active));
            compare(&before.unwrap_or_default(), &portal_fields(portal, true))
        }
        _ => Vec::new(),
    }
}

/// Returns the fields with different values, in the order of `after`.
fn compare(before: &Fields, after: &Fields) -> Vec<FieldChange> {
    let value = |fields: &Fields, name: &String| {
        fields.iter().find(|(other, _)| other == name).and_then(|(_, value)| value.clone())
    };
    let removed = before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name));
    let names = after.iter().chain(removed).map(|(name, _)| name);
    names
        .map(|name| FieldChange {
            field: name.clone(),
            from: value(before, name),
            to: value(after, name),
        })
        .filter(|change| change.from != change.to)
        .collect()
}

fn field(name: &str, value: Option<String>) -> (String, Option<String>) {
    (name.to_owned(), value)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Returns the field `archived`, which has a value for archived objects only.
fn active(is_active: bool) -> (String, Option<String>) {
    field("archived", (!is_active).then(|| "yes".to_owned()))
}

fn meter_fields(display_name: &str, is_active: bool) -> Fields {
    vec![field("display_name", Some(quoted(display_name))), active(is_active)]
}

fn plan_fields(plan: &Plan) -> Fields {
    texts(&plan.name, Some(&plan.description), plan.contact.as_ref(), true)
}

fn product_fields(product: &Product) -> Fields {
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

fn actual_price_fields(price: &ActualPrice) -> Fields {
    let metered = price.metered.as_ref();
    let mut fields = match &price.terms {
        Some(terms) => charges_fields(terms.currency, &terms.charges, metered),
        None => vec![field("charges", Some("terms that a catalog cannot describe".to_owned()))],
    };
    fields.extend(unit_fields(metered));
    fields.push(active(price.active));
    fields
}

/// Returns the charges in the price's own currency, then in the others, which are named.
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

/// Returns the amount of a base fee, or the allowance and the unit price of a metered price.
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

/// Returns the settings of the portal by their names in the file.
fn portal_fields(portal: &Portal, is_active: bool) -> Fields {
    let quoted = |text: &Option<String>| text.as_deref().map(quoted);
    let switch = |on: bool| Some(if on { "on" } else { "off" }.to_owned());
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let cancel = portal.subscription_cancel.map_or("off", CancelMode::as_str);
    vec![
        field("headline", quoted(&portal.headline)),
        field("privacy_policy_url", quoted(&portal.privacy_policy_url)),
        field("terms_of_service_url", quoted(&portal.terms_of_service_url)),
        field("default_return_url", quoted(&portal.default_return_url)),
        field("invoice_history", switch(portal.invoice_history)),
        field("payment_method_update", switch(portal.payment_method_update)),
        field("subscription_cancel", Some(cancel.to_owned())),
        field("cancellation_reasons", list(&portal.cancellation_reasons)),
        field("customer_update", list(&portal.customer_update)),
        field("subscription_update", switch(portal.subscription_update)),
        active(is_active),
    ]
}
