//! JSON of prices, and of the legacy plan object in subscription items.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use crate::model::catalog::{Price, Recurring, TaxBehavior};
use crate::values::money::Currency;
use crate::values::pricing::{Amount, Tier};

pub fn to_json(price: &Price) -> Value {
    let (unit_amount, unit_amount_decimal) = unit_amounts(&price.amount);
    json!({
        "id": price.id,
        "object": "price",
        "active": price.active,
        "billing_scheme": scheme(&price.amount),
        "created": price.created,
        "currency": price.currency.as_str(),
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": price.lookup_key,
        "metadata": price.metadata,
        "nickname": price.nickname,
        "product": price.product,
        "recurring": price.recurring.as_ref().map(recurring),
        "tax_behavior": price.tax_behavior.as_str(),
        "tiers_mode": tiers_mode(&price.amount),
        "transform_quantity": packages(price),
        "type": if price.recurring.is_some() { "recurring" } else { "one_time" },
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
    })
}

fn recurring(recurring: &Recurring) -> Value {
    json!({
        "interval": recurring.interval.unit.as_str(),
        "interval_count": recurring.interval.count,
        "meter": recurring.meter,
        "trial_period_days": recurring.trial_period_days,
        "usage_type": recurring.usage.as_str(),
    })
}

/// Returns the legacy plan object of a price.
pub fn plan(price: &Price) -> Value {
    let (amount, amount_decimal) = unit_amounts(&price.amount);
    let recurring = price.recurring.as_ref();
    json!({
        "id": price.id,
        "object": "plan",
        "active": price.active,
        "amount": amount,
        "amount_decimal": amount_decimal,
        "billing_scheme": scheme(&price.amount),
        "created": price.created,
        "currency": price.currency.as_str(),
        "interval": recurring.map(|recurring| recurring.interval.unit.as_str()),
        "interval_count": recurring.map(|recurring| recurring.interval.count),
        "livemode": false,
        "metadata": price.metadata,
        "meter": recurring.and_then(|recurring| recurring.meter.clone()),
        "nickname": price.nickname,
        "product": price.product,
        "tiers_mode": tiers_mode(&price.amount),
        "transform_usage": packages(price),
        "trial_period_days": recurring.and_then(|recurring| recurring.trial_period_days),
        "usage_type": recurring.map(|recurring| recurring.usage.as_str()),
    })
}

fn packages(price: &Price) -> Value {
    price.packages.map_or(Value::Null, |packages| {
        json!({ "divide_by": packages.divide_by, "round": if packages.round_up { "up" } else { "down" } })
    })
}

fn scheme(amount: &Amount) -> &'static str {
    match amount {
        Amount::PerUnit(_) => "per_unit",
        Amount::Tiered { .. } => "tiered",
    }
}

fn tiers_mode(amount: &Amount) -> Option<&'static str> {
    match amount {
        Amount::PerUnit(_) => None,
        Amount::Tiered { mode, .. } => Some(mode.as_str()),
    }
}

/// Returns the integer amount, if it is whole, and the decimal amount.
fn unit_amounts(amount: &Amount) -> (Option<i64>, Option<String>) {
    match amount {
        Amount::PerUnit(unit) => both(*unit),
        Amount::Tiered { .. } => (None, None),
    }
}

fn both(value: Decimal) -> (Option<i64>, Option<String>) {
    let value = value.normalize();
    (value.to_i64().filter(|_| value.fract().is_zero()), Some(value.to_string()))
}

pub fn tiers(price: &Price) -> Option<Value> {
    tiers_of(&price.amount)
}

fn tiers_of(amount: &Amount) -> Option<Value> {
    match amount {
        Amount::PerUnit(_) => None,
        Amount::Tiered { tiers, .. } => Some(tiers.iter().map(tier).collect()),
    }
}

fn tier(tier: &Tier) -> Value {
    let (unit_amount, unit_amount_decimal) = tier.unit.map_or((None, None), both);
    let (flat_amount, flat_amount_decimal) = tier.flat.map_or((None, None), both);
    json!({
        "flat_amount": flat_amount,
        "flat_amount_decimal": flat_amount_decimal,
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
        "up_to": tier.up_to,
    })
}

/// Returns all currencies of the price, including its own. Their tiers are a separate expansion.
pub fn currency_options(price: &Price) -> Value {
    let own = (price.currency, (&price.amount, price.tax_behavior));
    let others =
        price.options.iter().map(|(currency, (amount, behavior))| (*currency, (amount, *behavior)));
    let options: Map<String, Value> = std::iter::once(own)
        .chain(others)
        .map(|(currency, (amount, behavior))| (currency.to_string(), option(amount, behavior)))
        .collect();
    Value::Object(options)
}

fn option(amount: &Amount, behavior: TaxBehavior) -> Value {
    let (unit_amount, unit_amount_decimal) = unit_amounts(amount);
    json!({
        "custom_unit_amount": null,
        "tax_behavior": behavior.as_str(),
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
    })
}

pub fn currency_tiers(price: &Price, currency: &str) -> Option<Value> {
    price.amount_in(Currency::parse(currency)?).and_then(tiers_of)
}
