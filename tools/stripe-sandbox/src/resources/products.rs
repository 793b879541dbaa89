//! `/v1/products`.

use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::endpoint::params::{Change, MetadataChange, Params};
use crate::model::catalog::Product;
use crate::values::errors::{ApiError, Result};
use crate::world::{find, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/products", "product", "product", create),
    list("/v1/products", "product", "product", index),
    get("/v1/products/{}", "product", "product", retrieve),
    post("/v1/products/{}", "product", "product", update),
    delete("/v1/products/{}", "product", "product", remove),
];

const NOT_IMITATED: &[&str] =
    &["default_price_data", "package_dimensions", "shippable", "tax_details"];

/// Longest `unit_label`, in characters.
const MAX_UNIT_LABEL: usize = 12;

/// Fields of create and update.
struct Fields {
    active: Option<bool>,
    description: Change<String>,
    unit_label: Change<String>,
    url: Change<String>,
    statement_descriptor: Option<String>,
    tax_code: Change<String>,
    images: Option<Vec<String>>,
    marketing_features: Option<Vec<String>>,
    metadata: Option<MetadataChange>,
}

impl Fields {
    fn read(p: &mut Params) -> Result<Fields> {
        p.not_imitated(NOT_IMITATED)?;
        Ok(Fields {
            active: p.boolean("active")?,
            description: p.change("description")?,
            unit_label: unit_label(p)?,
            url: p.change("url")?,
            statement_descriptor: p.text("statement_descriptor")?,
            tax_code: p.change("tax_code")?,
            images: p.strings("images")?,
            marketing_features: p.list("marketing_features", |feature| feature.required("name"))?,
            metadata: p.metadata()?,
        })
    }

    fn apply(self, product: &mut Product) {
        product.active = self.active.unwrap_or(product.active);
        for (field, change) in [
            (&mut product.description, self.description),
            (&mut product.unit_label, self.unit_label),
            (&mut product.url, self.url),
            (&mut product.tax_code, self.tax_code),
            (&mut product.statement_descriptor, self.statement_descriptor.map(Some)),
        ] {
            if let Some(value) = change {
                *field = value;
            }
        }
        if let Some(images) = self.images {
            product.images = images;
        }
        if let Some(features) = self.marketing_features {
            product.marketing_features = features;
        }
        if let Some(change) = self.metadata {
            change.apply(&mut product.metadata);
        }
    }
}

/// Reads the unit's name. Its limit is documented: <https://docs.stripe.com/api/products/create>.
fn unit_label(p: &mut Params) -> Result<Change<String>> {
    let change = p.change("unit_label")?;
    match &change {
        Some(Some(label)) if label.chars().count() > MAX_UNIT_LABEL => {
            let message =
                format!("Invalid string: {label}; must be at most {MAX_UNIT_LABEL} characters");
            Err(ApiError::invalid(message).param("unit_label"))
        }
        _ => Ok(change),
    }
}

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let name = p.required("name")?;
    let id = p.text("id")?;
    p.choice("type", &[("good", ()), ("service", ())])?;
    let fields = Fields::read(p)?;
    call.begin()?;
    if let Some(id) = id.as_ref().filter(|id| call.world.products.get(id).is_some()) {
        return Err(ApiError::invalid(format!("Product already exists: {id}"))
            .code("resource_already_exists")
            .param("id"));
    }
    let now = call.world.now(None);
    let mut product = Product::new(id.unwrap_or_else(|| call.world.ids.id("prod")), name, now);
    fields.apply(&mut product);
    let object = to_json(&product);
    call.world.products.put(product);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    let (active, ids, url) = (p.boolean("active")?, p.strings("ids")?, p.text("url")?);
    p.not_imitated(&["shippable", "type"])?;
    call.begin()?;
    let key = active.map_or_else(|| "all".to_owned(), |active| format!("active={active}"));
    let keep = |product: &Product| {
        created.holds(product.created)
            && ids.as_ref().is_none_or(|ids| ids.contains(&product.id))
            && url.as_ref().is_none_or(|url| product.url.as_ref() == Some(url))
    };
    call.list(&call.world.products, &[key], &cursor, keep, |_, product| to_json(product))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.products, &call.id()).map(to_json)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    let (name, default_price) = (p.text("name")?, p.change("default_price")?);
    let fields = Fields::read(p)?;
    call.begin()?;
    let mut product = find(&call.world.products, &id)?.clone();
    if let Some(price) = default_price {
        if let Some(price) = &price {
            find_param(&call.world.prices, price, "default_price")?;
        }
        product.default_price = price;
    }
    product.name = name.unwrap_or(product.name);
    product.updated = call.world.now(None);
    fields.apply(&mut product);
    let object = to_json(&product);
    call.world.products.put(product);
    Ok(object)
}

fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    find(&call.world.products, &id)?;
    if call.world.prices.under(&format!("product={id}")).next().is_some() {
        return Err(ApiError::invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    call.world.products.remove(&id);
    Ok(json!({ "id": id, "object": "product", "deleted": true }))
}

pub fn to_json(product: &Product) -> Value {
    let features: Vec<Value> =
        product.marketing_features.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "id": product.id,
        "object": "product",
        "active": product.active,
        "created": product.created,
        "default_price": product.default_price,
        "description": product.description,
        "images": product.images,
        "livemode": false,
        "marketing_features": features,
        "metadata": product.metadata,
        "name": product.name,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": product.statement_descriptor,
        "tax_code": product.tax_code,
        "tax_details": product.tax_code.as_ref()
            .map(|code| json!({ "performance_location": null, "tax_code": code })),
        "type": "service",
        "unit_label": product.unit_label,
        "updated": product.updated,
        "url": product.url,
    })
}
