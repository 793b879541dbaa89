//! `/v1/promotion_codes`.

use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::params::Params;
use crate::model::Metadata;
use crate::model::catalog::PromotionCode;
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::{World, find, find_live_customer_param, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/promotion_codes", "promotion_code", "promotion_code", create),
    list("/v1/promotion_codes", "promotion_code", "promotion_code", index),
    get("/v1/promotion_codes/{}", "promotion_code", "promotion_code", retrieve),
    post("/v1/promotion_codes/{}", "promotion_code", "promotion_code", update),
];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&["customer_account"])?;
    let coupon = promotion(p)?;
    let code = p.text("code")?;
    let (active, customer) = (p.boolean("active")?.unwrap_or(true), p.text("customer")?);
    let (expires_at, max_redemptions) =
        (p.time("expires_at")?, p.integer_in("max_redemptions", 1..=i64::MAX)?);
    let first_time = p.hash("restrictions", restrictions)?.unwrap_or(false);
    let metadata = p.metadata()?;
    if code
        .as_ref()
        .is_some_and(|code| !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    {
        return Err(
            ApiError::invalid("Codes may only contain letters, digits and dashes.").param("code")
        );
    }
    call.begin()?;
    let world = &mut *call.world;
    if find_param(&world.coupons, &coupon, "promotion[coupon]")?.deleted {
        return Err(ApiError::no_such_param("coupon", &coupon, "promotion[coupon]"));
    }
    if let Some(customer) = &customer {
        find_live_customer_param(world, customer, "customer")?;
    }
    let code = code.unwrap_or_else(|| world.ids.text(8).to_uppercase());
    check_unused(world, &code, customer.as_deref())?;
    let mut new = PromotionCode {
        id: world.ids.id("promo"),
        code,
        coupon,
        active,
        customer,
        expires_at,
        max_redemptions,
        times_redeemed: 0,
        first_time,
        metadata: Metadata::new(),
        created: world.now(None),
    };
    if let Some(change) = metadata {
        change.apply(&mut new.metadata);
    }
    let object = to_json(world, &new);
    world.promotion_codes.put(new);
    Ok(object)
}

/// Reads `promotion`. Coupons are its only type.
fn promotion(p: &mut Params) -> Result<String> {
    let coupon = p.hash("promotion", |inner| {
        let kind = inner.name("type");
        inner.choice("type", &[("coupon", ())])?.ok_or_else(|| ApiError::missing_param(&kind))?;
        inner.required("coupon")
    })?;
    coupon.ok_or_else(|| ApiError::missing_param("promotion"))
}

fn restrictions(p: &mut Params) -> Result<bool> {
    p.not_imitated(&["currency_options", "minimum_amount", "minimum_amount_currency"])?;
    Ok(p.boolean("first_time_transaction")?.unwrap_or(false))
}

/// Refuses a code that an active promotion code for the same customers has. Letter case does not
/// matter.
fn check_unused(world: &World, code: &str, customer: Option<&str>) -> Result<()> {
    let same = world.promotion_codes.under(&format!("code={}", code.to_lowercase()));
    let clashes = |other: &PromotionCode| {
        let anybody = customer.is_none() || other.customer.is_none();
        is_active(world, other) && (anybody || other.customer.as_deref() == customer)
    };
    if same.into_iter().any(clashes) {
        return Err(ApiError::invalid(format!(
            "An active promotion code with `code: {code}` already exists."
        ))
        .code("resource_already_exists")
        .param("code"));
    }
    Ok(())
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    p.not_imitated(&["customer_account"])?;
    let (active, code) = (p.boolean("active")?, p.text("code")?);
    let (coupon, customer) = (p.text("coupon")?, p.text("customer")?);
    call.begin()?;
    let key = match (&code, &coupon) {
        (Some(code), _) => format!("code={}", code.to_lowercase()),
        (None, Some(coupon)) => format!("coupon={coupon}"),
        (None, None) => "all".to_owned(),
    };
    let world = &*call.world;
    let keep = |code: &PromotionCode| {
        created.holds(code.created)
            && active.is_none_or(|active| is_active(world, code) == active)
            && coupon.as_ref().is_none_or(|coupon| code.coupon == *coupon)
            && customer.as_ref().is_none_or(|customer| code.customer.as_ref() == Some(customer))
    };
    call.list(&call.world.promotion_codes, &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.promotion_codes, &call.id()).map(|code| to_json(call.world, code))
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    call.params.not_imitated(&["restrictions"])?;
    let (active, metadata) = (call.params.boolean("active")?, call.params.metadata()?);
    call.begin()?;
    let mut code = find(&call.world.promotion_codes, &id)?.clone();
    code.active = active.unwrap_or(code.active);
    if let Some(change) = metadata {
        change.apply(&mut code.metadata);
    }
    let object = to_json(call.world, &code);
    call.world.promotion_codes.put(code);
    Ok(object)
}

/// Returns the time of the code's customer, else of the sandbox's own clock.
fn now_for(world: &World, code: &PromotionCode) -> Timestamp {
    code.customer.as_ref().map_or_else(|| world.now(None), |customer| world.now_of(customer))
}

fn is_active(world: &World, code: &PromotionCode) -> bool {
    let coupon = world.coupons.get(&code.coupon);
    coupon.is_some_and(|coupon| code.is_active(coupon, now_for(world, code)))
}

pub fn to_json(world: &World, code: &PromotionCode) -> Value {
    json!({
        "id": code.id,
        "object": "promotion_code",
        "active": is_active(world, code),
        "code": code.code,
        "created": code.created,
        "customer": code.customer,
        "customer_account": null,
        "expires_at": code.expires_at,
        "livemode": false,
        "max_redemptions": code.max_redemptions,
        "metadata": code.metadata,
        "promotion": { "coupon": code.coupon, "type": "coupon" },
        "restrictions": {
            "first_time_transaction": code.first_time,
            "minimum_amount": null,
            "minimum_amount_currency": null,
        },
        "times_redeemed": code.times_redeemed,
    })
}
