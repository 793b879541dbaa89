//! Fields of the catalog file before validation.
//!
//! A field that is missing or of the wrong type is `None` and adds a fault, so that the rest of the file
//! can still be validated.

use toml::Spanned;
use toml::de::DeValue;

use super::toml_reader::{Faults, Fields, boolean, count, text};

/// A string with its position.
pub(super) type Text = Option<Spanned<String>>;

/// Amounts by currency.
pub(super) type Amounts = Vec<(Spanned<String>, Text)>;

/// The whole file.
#[derive(Default)]
pub(super) struct File {
    pub(super) currency: Text,
    /// Whether meters have products of their own.
    pub(super) meter_products: Option<bool>,
    pub(super) meters: Vec<Meter>,
    pub(super) overage: Vec<(Spanned<String>, Spanned<Amounts>)>,
    pub(super) plans: Vec<Plan>,
    pub(super) portal: Option<Portal>,
}

pub(super) struct Meter {
    pub(super) name: Text,
    pub(super) event_name: Text,
    pub(super) display_name: Text,
    pub(super) unit: Text,
}

pub(super) struct Plan {
    pub(super) tier: Text,
    pub(super) name: Text,
    pub(super) description: Text,
    pub(super) contact: Text,
    pub(super) month: Option<Spanned<Amounts>>,
    pub(super) year: Option<Spanned<Amounts>>,
    pub(super) included: Vec<(Spanned<String>, Option<Spanned<u64>>)>,
}

pub(super) struct Portal {
    pub(super) headline: Text,
    pub(super) privacy_policy_url: Text,
    pub(super) terms_of_service_url: Text,
    pub(super) default_return_url: Text,
    pub(super) invoice_history: Option<bool>,
    pub(super) payment_method_update: Option<bool>,
    pub(super) subscription_cancel: Text,
    pub(super) cancellation_reasons: Vec<Spanned<String>>,
    pub(super) customer_update: Vec<Spanned<String>>,
}

impl File {
    /// Reads the document's root table.
    pub(super) fn read(mut fields: Fields<'_, '_>, faults: &mut Faults) -> Self {
        let file = Self {
            currency: fields.text("currency", faults),
            meter_products: fields
                .optional("meter_products")
                .and_then(|value| boolean(value, faults)),
            meters: each(fields.array("meters", faults), Meter::read, faults),
            overage: overage(&mut fields, faults),
            plans: plans(&mut fields, faults),
            portal: fields
                .optional("portal")
                .and_then(|value| Some(Portal::read(Fields::of(value, faults)?, faults))),
        };
        fields.finish(faults);
        file
    }
}

/// Reads the plans. The field is required, because a catalog without plans archives everything.
fn plans(fields: &mut Fields<'_, '_>, faults: &mut Faults) -> Vec<Plan> {
    fields.required("plans", faults);
    each(fields.array("plans", faults), Plan::read, faults)
}

fn each<T>(
    values: &[Spanned<DeValue<'_>>],
    read: impl Fn(Fields<'_, '_>, &mut Faults) -> T,
    faults: &mut Faults,
) -> Vec<T> {
    let mut entries = Vec::new();
    for value in values {
        if let Some(fields) = Fields::of(value, faults) {
            entries.push(read(fields, faults));
        }
    }
    entries
}

fn overage(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults,
) -> Vec<(Spanned<String>, Spanned<Amounts>)> {
    let Some(fields) = fields.optional("overage").and_then(|value| Fields::of(value, faults))
    else {
        return Vec::new();
    };
    let mut overage = Vec::new();
    for (meter, value) in fields.entries() {
        if let Some(amounts) = amounts(value, faults) {
            overage.push((meter, amounts));
        }
    }
    overage
}

/// Reads amounts by currency. An amount is a string, because TOML's decimal numbers are floats.
fn amounts(value: &Spanned<DeValue<'_>>, faults: &mut Faults) -> Option<Spanned<Amounts>> {
    let what = "an amount in quotes, for example \"10.00\"";
    let fields = Fields::of(value, faults)?;
    let amounts = fields.entries().map(|(code, value)| (code, text(value, what, faults))).collect();
    Some(Spanned::new(value.span(), amounts))
}

impl Meter {
    fn read(mut fields: Fields<'_, '_>, faults: &mut Faults) -> Self {
        let meter = Self {
            name: fields.text("name", faults),
            event_name: fields.text("event_name", faults),
            display_name: fields.text("display_name", faults),
            unit: fields.text("unit", faults),
        };
        fields.finish(faults);
        meter
    }
}

impl Plan {
    fn read(mut fields: Fields<'_, '_>, faults: &mut Faults) -> Self {
        let plan = Self {
            tier: fields.text("tier", faults),
            name: fields.text("name", faults),
            description: fields.text("description", faults),
            contact: fields.optional_text("contact", faults),
            month: fields.optional("month").and_then(|value| amounts(value, faults)),
            year: fields.optional("year").and_then(|value| amounts(value, faults)),
            included: included(&mut fields, faults),
        };
        fields.finish(faults);
        plan
    }
}

fn included(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults,
) -> Vec<(Spanned<String>, Option<Spanned<u64>>)> {
    let fields = fields.optional("included").and_then(|value| Fields::of(value, faults));
    let entries = fields.iter().flat_map(Fields::entries);
    entries.map(|(meter, value)| (meter, count(value, faults))).collect()
}

impl Portal {
    fn read(mut fields: Fields<'_, '_>, faults: &mut Faults) -> Self {
        if let Some(value) = fields.optional("subscription_update") {
            faults.add(
                value.span(),
                "the portal cannot change plans; remove this field. Plan changes go through the API, which shows the amount first",
            );
        }
        let portal = Self {
            headline: fields.optional_text("headline", faults),
            privacy_policy_url: fields.optional_text("privacy_policy_url", faults),
            terms_of_service_url: fields.optional_text("terms_of_service_url", faults),
            default_return_url: fields.optional_text("default_return_url", faults),
            invoice_history: fields.boolean("invoice_history", faults),
            payment_method_update: fields.boolean("payment_method_update", faults),
            subscription_cancel: fields.text("subscription_cancel", faults),
            cancellation_reasons: texts(&mut fields, "cancellation_reasons", faults),
            customer_update: texts(&mut fields, "customer_update", faults),
        };
        fields.finish(faults);
        portal
    }
}

fn texts(
    fields: &mut Fields<'_, '_>,
    name: &'static str,
    faults: &mut Faults,
) -> Vec<Spanned<String>> {
    let values = fields.array(name, faults);
    values.iter().filter_map(|value| text(value, "text in quotes", faults)).collect()
}
