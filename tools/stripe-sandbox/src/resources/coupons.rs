//! `/v1/coupons`, and the JSON of discounts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::json::number;
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::endpoint::params::{Params, parse_currency};
use crate::model::Metadata;
use crate::model::catalog::{Coupon, CouponDuration, Discount, Reduction};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::{World, find};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/coupons", "coupon", "coupon", create),
    list("/v1/coupons", "coupon", "coupon", index),
    get("/v1/coupons/{}", "coupon", "coupon", retrieve),
    post("/v1/coupons/{}", "coupon", "coupon", update),
    delete("/v1/coupons/{}", "coupon", "coupon", remove),
];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let id = p.text("id")?;
    let reduction = read_reduction(p)?;
    let duration = p.choice("duration", CouponDuration::NAMES)?.unwrap_or(CouponDuration::Once);
    let months = p.integer_in("duration_in_months", 1..=1200)?;
    if months.is_some() != (duration == CouponDuration::Repeating) {
        return Err(ApiError::invalid(
            "`duration_in_months` is required if `duration` is `repeating`, and cannot be set otherwise.",
        )
        .param("duration_in_months"));
    }
    let applies_to =
        p.hash("applies_to", |inner| inner.strings("products"))?.flatten().unwrap_or_default();
    let (name, metadata) = (p.text("name")?, p.metadata()?);
    let (max_redemptions, redeem_by) =
        (p.integer_in("max_redemptions", 1..=i64::MAX)?, p.time("redeem_by")?);
    call.begin()?;
    if let Some(id) = id.as_ref().filter(|id| find_not_deleted(call.world, id).is_ok()) {
        return Err(ApiError::invalid("Coupon already exists.")
            .code("resource_already_exists")
            .param(id));
    }
    let now = call.world.now(None);
    let mut coupon = Coupon {
        id: id.unwrap_or_else(|| call.world.ids.text(8)),
        name,
        reduction,
        duration,
        duration_in_months: months,
        max_redemptions,
        times_redeemed: 0,
        redeem_by,
        deleted: false,
        applies_to,
        metadata: Metadata::new(),
        created: now,
    };
    if let Some(change) = metadata {
        change.apply(&mut coupon.metadata);
    }
    let object = to_json(&coupon, now);
    call.world.coupons.put(coupon);
    Ok(object)
}

fn read_reduction(p: &mut Params) -> Result<Reduction> {
    let percent = p.decimal("percent_off")?;
    let amount = p.integer_in("amount_off", 1..=99_999_999)?;
    let currency = p.currency("currency")?;
    let codes = p.names_in("currency_options");
    let options = p.hash("currency_options", |inner| {
        codes
            .iter()
            .map(|code| {
                let currency = parse_currency(code, &inner.name(code))?;
                let amount = inner.hash(code, |option| option.integer("amount_off"))?.flatten();
                Ok((
                    currency,
                    amount
                        .ok_or_else(|| ApiError::missing_param("currency_options[amount_off]"))?,
                ))
            })
            .collect::<Result<BTreeMap<_, _>>>()
    })?;
    match (percent, amount, currency) {
        (Some(percent), None, _) if percent > Decimal::ZERO && percent <= Decimal::ONE_HUNDRED => {
            Ok(Reduction::Percent(percent))
        }
        (Some(_), None, _) => {
            Err(ApiError::invalid("Invalid percent_off: must be between 0 and 100")
                .param("percent_off"))
        }
        (None, Some(amount), Some(currency)) => {
            let mut amounts = options.unwrap_or_default();
            amounts.insert(currency, amount);
            Ok(Reduction::Amount { currency, amounts })
        }
        (None, Some(_), None) => Err(ApiError::missing_param("currency")),
        (None, None, _) => {
            Err(ApiError::invalid("Must provide exactly one of `percent_off` or `amount_off`.")
                .code("parameter_missing"))
        }
        (Some(_), Some(_), _) => Err(ApiError::invalid(
            "You may only specify one of these parameters: amount_off, percent_off.",
        )
        .code("parameters_exclusive")),
    }
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    call.begin()?;
    let keep = |coupon: &Coupon| !coupon.deleted && created.holds(coupon.created);
    call.list(&call.world.coupons, &["all".into()], &cursor, keep, |world, coupon| {
        to_json(coupon, world.now(None))
    })
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find_not_deleted(call.world, &call.id()).map(|coupon| to_json(coupon, call.world.now(None)))
}

fn find_not_deleted<'a>(world: &'a World, id: &str) -> Result<&'a Coupon> {
    find(&world.coupons, id).and_then(|coupon| {
        if coupon.deleted { Err(ApiError::no_such("coupon", id)) } else { Ok(coupon) }
    })
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    call.params.not_imitated(&["currency_options"])?;
    let (name, metadata) = (call.params.change("name")?, call.params.metadata()?);
    call.begin()?;
    let mut coupon = find_not_deleted(call.world, &id)?.clone();
    coupon.name = name.unwrap_or(coupon.name);
    if let Some(change) = metadata {
        change.apply(&mut coupon.metadata);
    }
    let object = to_json(&coupon, call.world.now(None));
    call.world.coupons.put(coupon);
    Ok(object)
}

/// Deletes the coupon. Its discounts stay in force.
fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let mut coupon = find_not_deleted(call.world, &id)?.clone();
    coupon.deleted = true;
    call.world.coupons.put(coupon);
    Ok(json!({ "id": id, "object": "coupon", "deleted": true }))
}

pub fn to_json(coupon: &Coupon, now: Timestamp) -> Value {
    let (percent, amount, currency) = match &coupon.reduction {
        Reduction::Percent(percent) => (Some(number(*percent)), None, None),
        Reduction::Amount { currency, amounts } => {
            (None, amounts.get(currency), Some(currency.as_str()))
        }
    };
    json!({
        "id": coupon.id,
        "object": "coupon",
        "amount_off": amount,
        "created": coupon.created,
        "currency": currency,
        "duration": coupon.duration.as_str(),
        "duration_in_months": coupon.duration_in_months,
        "livemode": false,
        "max_redemptions": coupon.max_redemptions,
        "metadata": coupon.metadata,
        "name": coupon.name,
        "percent_off": percent,
        "redeem_by": coupon.redeem_by,
        "times_redeemed": coupon.times_redeemed,
        "valid": coupon.is_valid(now),
    })
}

/// Returns the products of a limited coupon. Stripe omits the field for other coupons.
pub fn applies_to(coupon: &Coupon) -> Option<Value> {
    (!coupon.applies_to.is_empty()).then(|| json!({ "products": coupon.applies_to }))
}

pub fn currency_options(coupon: &Coupon) -> Option<Value> {
    match &coupon.reduction {
        Reduction::Percent(_) => None,
        Reduction::Amount { amounts, .. } => {
            let options: Map<String, Value> = amounts
                .iter()
                .map(|(code, amount)| (code.to_string(), json!({ "amount_off": amount })))
                .collect();
            Some(Value::Object(options))
        }
    }
}

pub fn discount_to_json(discount: &Discount) -> Value {
    json!({
        "id": discount.id,
        "object": "discount",
        "checkout_session": null,
        "customer": discount.customer,
        "customer_account": null,
        "end": discount.end,
        "invoice": discount.invoice,
        "invoice_item": discount.invoice_item,
        "promotion_code": discount.promotion_code,
        "source": { "coupon": discount.coupon, "type": "coupon" },
        "start": discount.start,
        "subscription": discount.subscription,
        "subscription_item": discount.subscription_item,
    })
}
