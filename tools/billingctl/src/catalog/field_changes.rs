//! Changed fields of an object: the values before and after, formatted for people.

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use shared::values::{Currency, Money, exact, unit_price};

use super::actual::{Price as ActualPrice, Product as ActualProduct, StripeState, managed_portal};
use super::desired::{CancelMode, Charge, Labels, Owner, Portal, Price, Product};
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
        Change::CreateProduct(product) => compare(&none, &product_fields(product)),
        Change::UpdateProduct { id, product } => {
            let found = actual.products.iter().find(|found| found.id == *id);
            compare(&found.map(actual_product_fields).unwrap_or_default(), &product_fields(product))
        }
        Change::CreatePrice(new) => {
            let found = actual.prices.iter().find(|found| Some(&found.id) == new.replaces.as_ref());
            let Some(found) = found else { return compare(&none, &price_fields(&new.price)) };
            let mut before = actual_price_fields(found);
            before.push(field("product", Some(product_of(found, actual))));
            let mut after = price_fields(&new.price);
            after.push(field("product", Some(owner_text(&new.price.product))));
            compare(&before, &after)
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

fn product_fields(product: &Product) -> Fields {
    let Product { owner, name, description, contact, unit_label } = product;
    texts(owner, [Some(name), description.as_ref(), contact.as_ref(), unit_label.as_ref()], true)
}

fn actual_product_fields(product: &ActualProduct) -> Fields {
    let ActualProduct { owner, name, description, contact, unit_label, active, .. } = product;
    texts(owner, [Some(name), description.as_ref(), contact.as_ref(), unit_label.as_ref()], *active)
}

/// Returns the product of a price: its plan or meter, else its ID.
fn product_of(price: &ActualPrice, actual: &StripeState) -> String {
    actual.owner(&price.product).map_or_else(|| price.product.clone(), owner_text)
}

fn owner_text(owner: &Owner) -> String {
    match owner {
        Owner::Plan(tier) => format!("plan {tier}"),
        Owner::Meter(name) => format!("meter {name}"),
    }
}

/// Returns the fields that a file has for a product of this kind.
fn texts(
    owner: &Owner,
    [name, description, contact, unit]: [Option<&String>; 4],
    is_active: bool,
) -> Fields {
    let own = match owner {
        Owner::Plan(_) => vec![("name", name), ("description", description), ("contact", contact)],
        Owner::Meter(_) => vec![("name", name), ("unit_label", unit)],
    };
    let own = own.into_iter().map(|(name, value)| field(name, value.map(|text| quoted(text))));
    own.chain([active(is_active)]).collect()
}

fn price_fields(price: &Price) -> Fields {
    let mut fields = charges_fields(price.currency, &price.charges, price.labels.meter.is_some());
    fields.extend(label_fields(&price.labels));
    fields.push(active(true));
    fields
}

fn actual_price_fields(price: &ActualPrice) -> Fields {
    let mut fields = match &price.terms {
        Some(terms) => charges_fields(terms.currency, &terms.charges, terms.meter.is_some()),
        None => vec![field("charges", Some("terms that a catalog cannot describe".to_owned()))],
    };
    fields.extend(label_fields(&price.labels));
    fields.push(active(price.active));
    fields
}

/// Returns the charges in the price's own currency, then in the others, which are named.
fn charges_fields(own: Currency, charges: &BTreeMap<Currency, Charge>, is_metered: bool) -> Fields {
    let mut fields = Fields::new();
    for (code, charge) in charges.iter().filter(|(code, _)| **code == own) {
        fields.extend(charge_fields(*code, *charge, is_metered));
    }
    for (code, charge) in charges.iter().filter(|(code, _)| **code != own) {
        let named = |(name, value): (String, _)| (format!("{name} {}", code.as_str()), value);
        fields.extend(charge_fields(*code, *charge, is_metered).into_iter().map(named));
    }
    fields
}

fn label_fields(labels: &Labels) -> Fields {
    let Labels { plan, meter, unit } = labels;
    [("plan", plan), ("meter", meter), ("unit", unit)]
        .map(|(name, value)| field(name, value.as_deref().map(quoted)))
        .into()
}

/// Returns the amount of a base fee, or the allowance and the unit price of a metered price.
fn charge_fields(code: Currency, charge: Charge, is_metered: bool) -> Fields {
    let (included, unit) = match charge {
        Charge::Flat(minor) if !is_metered => {
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
