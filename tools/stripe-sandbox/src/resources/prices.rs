//! `/v1/prices`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::price_json::to_json;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::params::{Params, parse_currency, parse_integer};
use crate::model::Metadata;
use crate::model::catalog::{Price, Recurring, TaxBehavior, UsageType};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{Interval, Unit};
use crate::values::pricing::{Amount, Packages, Tier, TierMode};
use crate::world::{World, find, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/prices", "plan", "price", create),
    list("/v1/prices", "plan", "price", index),
    get("/v1/prices/{}", "plan", "price", retrieve),
    post("/v1/prices/{}", "plan", "price", update),
];

/// Maximum price of one unit. Multiplied by the maximum quantity it fits into 64 bits.
const MAX_UNIT_AMOUNT: i64 = 999_999_999_999;

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&["custom_unit_amount", "product_data"])?;
    let currency = p.currency("currency")?.ok_or_else(|| ApiError::missing_param("currency"))?;
    let product = p.required("product")?;
    let recurring = p.hash("recurring", read_recurring)?;
    let tiered =
        p.choice("billing_scheme", &[("per_unit", false), ("tiered", true)])?.unwrap_or(false);
    let mode = p.choice("tiers_mode", TierMode::NAMES)?;
    let amount = read_amount(p, tiered, mode, currency)?;
    let options = read_options(p, tiered, mode, currency)?;
    let packages = p.hash("transform_quantity", read_packages)?;
    if tiered && packages.is_some() {
        return Err(ApiError::invalid("`transform_quantity` cannot be combined with `tiers`.")
            .param("transform_quantity"));
    }
    let lookup_key = read_lookup_key(p)?;
    let transfer = p.boolean("transfer_lookup_key")?.unwrap_or(false);
    let (active, nickname, metadata) = (p.boolean("active")?, p.text("nickname")?, p.metadata()?);
    let tax_behavior =
        p.choice("tax_behavior", TaxBehavior::NAMES)?.unwrap_or(TaxBehavior::Unspecified);
    call.begin()?;
    find_param(&call.world.products, &product, "product")?;
    if let Some(meter) = recurring.as_ref().and_then(|recurring| recurring.meter.as_ref()) {
        find_param(&call.world.meters, meter, "recurring[meter]")?;
    }
    claim_lookup_key(call.world, lookup_key.as_deref(), None, transfer)?;
    let mut price = Price {
        id: call.world.ids.id("price"),
        product,
        active: active.unwrap_or(true),
        currency,
        amount,
        tax_behavior,
        options,
        recurring,
        packages,
        nickname,
        lookup_key,
        metadata: Metadata::new(),
        created: call.world.now(None),
    };
    if let Some(change) = metadata {
        change.apply(&mut price.metadata);
    }
    let object = to_json(&price);
    call.world.prices.put(price);
    Ok(object)
}

fn read_recurring(p: &mut Params) -> Result<Recurring> {
    let name = p.name("interval");
    let unit = p.choice("interval", Unit::NAMES)?.ok_or_else(|| ApiError::missing_param(&name))?;
    let most = match unit {
        Unit::Day => 1095,
        Unit::Week => 156,
        Unit::Month => 36,
        Unit::Year => 3,
    };
    let count = p.integer_in("interval_count", 1..=most)?.unwrap_or(1);
    let usage = p.choice("usage_type", UsageType::NAMES)?.unwrap_or(UsageType::Licensed);
    let meter = p.text("meter")?;
    let trial_period_days = p.integer_in("trial_period_days", 0..=730)?;
    match (usage, &meter) {
        (UsageType::Metered, None) => Err(ApiError::invalid(
            "You must specify a meter when `recurring[usage_type]` is `metered`.",
        )
        .code("parameter_missing")
        .param("recurring[meter]")),
        (UsageType::Licensed, Some(_)) => Err(ApiError::invalid(
            "You can only specify `recurring[meter]` when `recurring[usage_type]` is `metered`.",
        )
        .param("recurring[meter]")),
        _ => Ok(Recurring { interval: Interval { unit, count }, usage, meter, trial_period_days }),
    }
}

fn read_packages(p: &mut Params) -> Result<Packages> {
    let (divide_by, round) = (p.name("divide_by"), p.name("round"));
    Ok(Packages {
        divide_by: p
            .integer_in("divide_by", 1..=1_000_000_000)?
            .ok_or_else(|| ApiError::missing_param(&divide_by))?,
        round_up: p
            .choice("round", &[("down", false), ("up", true)])?
            .ok_or_else(|| ApiError::missing_param(&round))?,
    })
}

fn read_amount(
    p: &mut Params,
    tiered: bool,
    mode: Option<TierMode>,
    currency: Currency,
) -> Result<Amount> {
    let unit = read_minor(p, "unit_amount", currency)?;
    let name = p.name("tiers");
    let tiers = p.list("tiers", |tier| read_tier(tier, currency))?;
    match (tiered, unit, tiers) {
        (false, Some(unit), None) => Ok(Amount::PerUnit(unit)),
        (false, None, None) => Err(ApiError::invalid(format!(
            "You must provide one of `{}` or `{}` when `billing_scheme` is `per_unit`.",
            p.name("unit_amount"),
            p.name("unit_amount_decimal")
        ))
        .code("parameter_missing")
        .param("unit_amount")),
        (false, _, Some(_)) => {
            Err(ApiError::invalid("You can only specify tiers when `billing_scheme` is `tiered`.")
                .param(&name))
        }
        (true, Some(_), _) => Err(ApiError::invalid(
            "You cannot specify an amount of its own when `billing_scheme` is `tiered`.",
        )
        .param("unit_amount")),
        (true, None, None) => Err(ApiError::missing_param(&name)),
        (true, None, Some(tiers)) => {
            let mode = mode.ok_or_else(|| ApiError::missing_param("tiers_mode"))?;
            check_tiers(&tiers, &name)?;
            Ok(Amount::Tiered { mode, tiers })
        }
    }
}

/// Reads `unit_amount` or `unit_amount_decimal`, or the same pair for flat amounts.
fn read_minor(p: &mut Params, key: &str, currency: Currency) -> Result<Option<Decimal>> {
    let decimal_key = format!("{key}_decimal");
    let whole = p.integer_in(key, 0..=MAX_UNIT_AMOUNT)?;
    let exact = p.decimal(&decimal_key)?;
    let name = p.name(key);
    match (whole, exact) {
        (Some(_), Some(_)) => Err(ApiError::invalid(format!(
            "You may only specify one of these parameters: {name}, {}.",
            p.name(&decimal_key)
        ))
        .code("parameters_exclusive")),
        (Some(whole), None) if whole % currency.step() != 0 => Err(ApiError::invalid(format!(
            "Invalid amount: amounts in {currency} must be a multiple of {}.",
            currency.step()
        ))
        .param(&name)),
        (None, Some(exact)) if exact < Decimal::ZERO || exact > Decimal::from(MAX_UNIT_AMOUNT) => {
            Err(ApiError::invalid(format!("Invalid decimal: {exact}")).param(&p.name(&decimal_key)))
        }
        (whole, exact) => Ok(whole.map(Decimal::from).or(exact)),
    }
}

fn read_tier(p: &mut Params, currency: Currency) -> Result<Tier> {
    let name = p.name("up_to");
    let up_to = match p.required("up_to")?.as_str() {
        "inf" => None,
        number => Some(parse_integer(number, &name)?),
    };
    let tier = Tier {
        up_to,
        unit: read_minor(p, "unit_amount", currency)?,
        flat: read_minor(p, "flat_amount", currency)?,
    };
    if tier.unit.is_none() && tier.flat.is_none() {
        return Err(ApiError::invalid("Each tier must have a `unit_amount` or a `flat_amount`.")
            .param(&name));
    }
    Ok(tier)
}

fn check_tiers(tiers: &[Tier], name: &str) -> Result<()> {
    let ends_open = tiers.last().is_some_and(|last| last.up_to.is_none());
    let bounds: Vec<i64> = tiers.iter().filter_map(|tier| tier.up_to).collect();
    let rising = bounds.windows(2).all(|pair| pair[0] < pair[1])
        && bounds.first().is_none_or(|first| *first > 0);
    if ends_open && rising && bounds.len() + 1 == tiers.len() {
        return Ok(());
    }
    Err(ApiError::invalid(
        "Tiers must have ascending `up_to` values, and the last one must be `inf`.",
    )
    .param(name))
}

fn read_options(
    p: &mut Params,
    tiered: bool,
    mode: Option<TierMode>,
    own: Currency,
) -> Result<BTreeMap<Currency, (Amount, TaxBehavior)>> {
    let codes = p.names_in("currency_options");
    let options = p.hash("currency_options", |inner| {
        codes
            .iter()
            .map(|code| {
                let currency = parse_currency(code, &inner.name(code))?;
                let option = inner.hash(code, |option| {
                    option.not_imitated(&["custom_unit_amount"])?;
                    let behavior = option.choice("tax_behavior", TaxBehavior::NAMES)?;
                    let amount = read_amount(option, tiered, mode, currency)?;
                    Ok((amount, behavior.unwrap_or(TaxBehavior::Unspecified)))
                })?;
                Ok((currency, option.expect("its name was found in the hash")))
            })
            .collect::<Result<BTreeMap<_, _>>>()
    })?;
    let mut options = options.unwrap_or_default();
    options.remove(&own);
    Ok(options)
}

fn read_lookup_key(p: &mut Params) -> Result<Option<String>> {
    let key = p.text("lookup_key")?;
    if key.as_ref().is_some_and(|key| key.chars().count() > 200) {
        return Err(ApiError::invalid("A lookup key can be at most 200 characters long.")
            .param("lookup_key"));
    }
    Ok(key)
}

/// Claims a lookup key, which belongs to one price at a time. `transfer` removes it from the other
/// price.
fn claim_lookup_key(
    world: &mut World,
    key: Option<&str>,
    own: Option<&str>,
    transfer: bool,
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let holder = world
        .prices
        .under(&format!("lookup_key={key}"))
        .find(|price| Some(price.id.as_str()) != own)
        .cloned();
    let Some(mut holder) = holder else { return Ok(()) };
    if !transfer {
        return Err(ApiError::invalid(format!(
            "A price (`{}`) already uses that lookup key.",
            holder.id
        ))
        .code("resource_already_exists")
        .param("lookup_key"));
    }
    holder.lookup_key = None;
    world.prices.put(holder);
    Ok(())
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    let (active, product, currency) =
        (p.boolean("active")?, p.text("product")?, p.currency("currency")?);
    let kind = p.choice("type", &[("one_time", false), ("recurring", true)])?;
    let lookup_keys = p.strings("lookup_keys")?;
    if lookup_keys.as_ref().is_some_and(|keys| keys.len() > 10) {
        return Err(ApiError::invalid("You can only look up at most 10 lookup keys at a time.")
            .param("lookup_keys"));
    }
    let filter = p.hash("recurring", |r| {
        Ok((
            r.choice("interval", Unit::NAMES)?,
            r.choice("usage_type", UsageType::NAMES)?,
            r.text("meter")?,
        ))
    })?;
    call.begin()?;
    let keys: Vec<String> = match (&lookup_keys, &product) {
        (Some(keys), _) => keys.iter().map(|key| format!("lookup_key={key}")).collect(),
        (None, Some(product)) => vec![format!("product={product}")],
        (None, None) => vec!["all".to_owned()],
    };
    let fits = |recurring: &Recurring| {
        filter.as_ref().is_none_or(|(unit, usage, meter)| {
            unit.is_none_or(|unit| recurring.interval.unit == unit)
                && usage.is_none_or(|usage| recurring.usage == usage)
                && meter.as_ref().is_none_or(|meter| recurring.meter.as_ref() == Some(meter))
        })
    };
    let keep = |price: &Price| {
        created.holds(price.created)
            && active.is_none_or(|active| price.active == active)
            && product.as_ref().is_none_or(|product| price.product == *product)
            && currency.is_none_or(|currency| price.currency == currency)
            && kind.is_none_or(|recurring| price.recurring.is_some() == recurring)
            && (filter.is_none() || price.recurring.as_ref().is_some_and(fits))
    };
    call.list(&call.world.prices, &keys, &cursor, keep, |_, price| to_json(price))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.prices, &call.id()).map(to_json)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    p.not_imitated(&["currency_options"])?;
    let lookup_key = p.change("lookup_key")?;
    let transfer = p.boolean("transfer_lookup_key")?.unwrap_or(false);
    let (active, nickname, metadata) = (p.boolean("active")?, p.change("nickname")?, p.metadata()?);
    let tax_behavior = p.choice("tax_behavior", TaxBehavior::NAMES)?;
    call.begin()?;
    let mut price = find(&call.world.prices, &id)?.clone();
    if let Some(behavior) = tax_behavior
        && price.tax_behavior != behavior
    {
        if price.tax_behavior != TaxBehavior::Unspecified {
            return Err(ApiError::invalid("Once specified, `tax_behavior` cannot be changed.")
                .param("tax_behavior"));
        }
        price.tax_behavior = behavior;
    }
    if let Some(key) = lookup_key {
        claim_lookup_key(call.world, key.as_deref(), Some(&id), transfer)?;
        price.lookup_key = key;
    }
    price.active = active.unwrap_or(price.active);
    price.nickname = nickname.unwrap_or(price.nickname);
    if let Some(change) = metadata {
        change.apply(&mut price.metadata);
    }
    let object = to_json(&price);
    call.world.prices.put(price);
    Ok(object)
}
