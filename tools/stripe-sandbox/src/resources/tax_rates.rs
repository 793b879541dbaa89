//! `/v1/tax_rates`.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::json::number;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::params::parse_choice;
use crate::model::Metadata;
use crate::model::catalog::TaxRate;
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/tax_rates", "tax_rate", "tax_rate", create),
    list("/v1/tax_rates", "tax_rate", "tax_rate", index),
    get("/v1/tax_rates/{}", "tax_rate", "tax_rate", retrieve),
    post("/v1/tax_rates/{}", "tax_rate", "tax_rate", update),
];

const TYPES: &[(&str, ())] = &[
    ("amusement_tax", ()),
    ("communications_tax", ()),
    ("digital_excise_tax", ()),
    ("gst", ()),
    ("hst", ()),
    ("igst", ()),
    ("jct", ()),
    ("lease_tax", ()),
    ("mass_transit_parking_tax", ()),
    ("parking_tax", ()),
    ("pst", ()),
    ("qst", ()),
    ("retail_delivery_fee", ()),
    ("rst", ()),
    ("sales_tax", ()),
    ("service_tax", ()),
    ("utility_users_tax", ()),
    ("vat", ()),
];

fn check_type(text: Option<&String>) -> Result<()> {
    text.map_or(Ok(()), |text| parse_choice(text, "tax_type", TYPES))
}

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let display_name = p.required("display_name")?;
    let inclusive = p.boolean("inclusive")?.ok_or_else(|| ApiError::missing_param("inclusive"))?;
    let percentage =
        p.decimal("percentage")?.ok_or_else(|| ApiError::missing_param("percentage"))?;
    if percentage < Decimal::ZERO || percentage > Decimal::ONE_HUNDRED || percentage.scale() > 4 {
        return Err(ApiError::invalid(
            "Invalid percentage: must be between 0 and 100 with at most 4 decimal places",
        )
        .param("percentage"));
    }
    let active = p.boolean("active")?.unwrap_or(true);
    let (description, jurisdiction) = (p.text("description")?, p.text("jurisdiction")?);
    let (country, state, tax_type) = (p.text("country")?, p.text("state")?, p.text("tax_type")?);
    check_type(tax_type.as_ref())?;
    let metadata = p.metadata()?;
    call.begin()?;
    let mut rate = TaxRate {
        id: call.world.ids.id("txr"),
        display_name,
        percentage,
        inclusive,
        active,
        description,
        jurisdiction,
        country,
        state,
        tax_type,
        metadata: Metadata::new(),
        created: call.world.now(None),
    };
    if let Some(change) = metadata {
        change.apply(&mut rate.metadata);
    }
    let object = to_json(&rate);
    call.world.tax_rates.put(rate);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let (active, inclusive) = (call.params.boolean("active")?, call.params.boolean("inclusive")?);
    call.begin()?;
    let keep = |rate: &TaxRate| {
        created.holds(rate.created)
            && active.is_none_or(|active| rate.active == active)
            && inclusive.is_none_or(|inclusive| rate.inclusive == inclusive)
    };
    call.list(&call.world.tax_rates, &["all".into()], &cursor, keep, |_, rate| to_json(rate))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.tax_rates, &call.id()).map(to_json)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    let (active, name, metadata) = (p.boolean("active")?, p.text("display_name")?, p.metadata()?);
    let (description, jurisdiction) = (p.change("description")?, p.change("jurisdiction")?);
    let (country, state, kind) = (p.change("country")?, p.change("state")?, p.change("tax_type")?);
    check_type(kind.as_ref().and_then(Option::as_ref))?;
    call.begin()?;
    let mut rate = find(&call.world.tax_rates, &id)?.clone();
    rate.active = active.unwrap_or(rate.active);
    rate.display_name = name.unwrap_or(rate.display_name);
    rate.description = description.unwrap_or(rate.description);
    rate.jurisdiction = jurisdiction.unwrap_or(rate.jurisdiction);
    rate.country = country.unwrap_or(rate.country);
    rate.state = state.unwrap_or(rate.state);
    rate.tax_type = kind.unwrap_or(rate.tax_type);
    if let Some(change) = metadata {
        change.apply(&mut rate.metadata);
    }
    let object = to_json(&rate);
    call.world.tax_rates.put(rate);
    Ok(object)
}

/// Refuses tax rates that do not exist.
pub fn check(world: &World, ids: &[String], param: &str) -> Result<()> {
    ids.iter().try_for_each(|id| find_param(&world.tax_rates, id, param).map(drop))
}

pub fn to_json(rate: &TaxRate) -> Value {
    json!({
        "id": rate.id,
        "object": "tax_rate",
        "active": rate.active,
        "country": rate.country,
        "created": rate.created,
        "description": rate.description,
        "display_name": rate.display_name,
        "effective_percentage": null,
        "flat_amount": null,
        "inclusive": rate.inclusive,
        "jurisdiction": rate.jurisdiction,
        "jurisdiction_level": null,
        "livemode": false,
        "metadata": rate.metadata,
        "percentage": number(rate.percentage),
        "rate_type": "percentage",
        "state": rate.state,
        "tax_type": rate.tax_type,
    })
}
