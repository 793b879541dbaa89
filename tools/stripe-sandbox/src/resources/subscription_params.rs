//! Parameters that subscriptions and previews share.

use super::tax_rates;
use crate::endpoint::params::{Change, Params, parse_time};
use crate::lifecycle::cancellation::CancelAt;
use crate::lifecycle::item_diff::{ItemChange, ItemsChange};
use crate::lifecycle::items::NewItem;
use crate::lifecycle::plan::TrialEnd;
use crate::model::Metadata;
use crate::model::catalog::{Price, RequestedDiscount};
use crate::model::subscription::{
    AutomaticTax, BillingMode, MissingPaymentMethod, ProrationBehavior, TrialSettingsChange,
};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::{World, find_param};

/// Maximum quantity of an item. Multiplied by the maximum price it fits into 64 bits.
pub const MAX_QUANTITY: i64 = 999_999;

const NOT_IMITATED_IN_ITEMS: &[&str] =
    &["billing_thresholds", "current_trial", "plan", "price_data"];

/// Parameters that Stripe has and the sandbox does not implement.
pub const NOT_IMITATED: &[&str] = &[
    "application_fee_percent",
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_schedules",
    "billing_thresholds",
    "customer_account",
    "default_source",
    "invoice_settings",
    "on_behalf_of",
    "pending_invoice_item_interval",
    "transfer_data",
    "trial_from_plan",
];

pub fn automatic_tax(p: &mut Params) -> Result<Option<AutomaticTax>> {
    let enabled = p.hash("automatic_tax", |inner| {
        inner.not_imitated(&["liability"])?;
        let name = inner.name("enabled");
        inner.boolean("enabled")?.ok_or_else(|| ApiError::missing_param(&name))
    })?;
    Ok(enabled.map(|on| if on { AutomaticTax::On } else { AutomaticTax::Off }))
}

pub fn new_items(p: &mut Params) -> Result<Vec<NewItem>> {
    let items = p.list("items", |item| {
        item.not_imitated(NOT_IMITATED_IN_ITEMS)?;
        let mut metadata = Metadata::new();
        if let Some(change) = item.metadata()? {
            change.apply(&mut metadata);
        }
        Ok(NewItem {
            price: item.required("price")?,
            quantity: item.integer_in("quantity", 0..=MAX_QUANTITY)?,
            tax_rates: item.strings("tax_rates")?.unwrap_or_default(),
            discounts: discounts(item)?.unwrap_or_default(),
            metadata,
        })
    })?;
    let items = items.unwrap_or_default();
    match items.len() {
        0 => Err(ApiError::missing_param("items")),
        1..=20 => Ok(items),
        _ => Err(ApiError::invalid("A subscription can have at most 20 items.").param("items")),
    }
}

pub fn item_changes(p: &mut Params) -> Result<Option<Vec<ItemChange>>> {
    p.list("items", |item| {
        item.not_imitated(NOT_IMITATED_IN_ITEMS)?;
        // Without effect for metered usage.
        item.boolean("clear_usage")?;
        let id = item.text("id")?;
        let price_name = item.name("price");
        let deleted = item.boolean("deleted")?.unwrap_or(false);
        let price = item.text("price")?;
        if id.is_none() && (deleted || price.is_none()) {
            return Err(ApiError::missing_param(if deleted { "items[id]" } else { &price_name }));
        }
        Ok(ItemChange {
            id,
            price,
            quantity: item.integer_in("quantity", 0..=MAX_QUANTITY)?,
            deleted,
            tax_rates: item.strings("tax_rates")?,
            discounts: discounts(item)?,
            metadata: item.metadata()?,
        })
    })
}

/// Reads `discounts[]`: coupons, promotion codes or existing discounts. An empty string removes
/// all.
pub fn discounts(p: &mut Params) -> Result<Option<Vec<RequestedDiscount>>> {
    p.list("discounts", |entry| {
        let name = entry.name("coupon");
        let given = [
            entry.text("coupon")?.map(RequestedDiscount::Coupon),
            entry.text("promotion_code")?.map(RequestedDiscount::PromotionCode),
            entry.text("discount")?.map(RequestedDiscount::Discount),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(ApiError::missing_param(&name)),
            (Some(_), Some(_)) => Err(ApiError::invalid(
                "You may only specify one of these parameters: coupon, discount, promotion_code.",
            )
            .code("parameters_exclusive")
            .param(&name)),
        }
    })
}

pub fn proration_behavior(p: &mut Params) -> Result<Option<ProrationBehavior>> {
    p.choice("proration_behavior", ProrationBehavior::NAMES)
}

/// Reads `billing_cycle_anchor` as an object. Refuses the older form, a string.
pub fn anchor_now(p: &mut Params, with_timestamp: bool) -> Result<Option<bool>> {
    p.hash("billing_cycle_anchor", |inner| {
        let name = inner.name("type");
        if with_timestamp {
            inner.not_imitated(&["timestamp"])?;
        }
        inner
            .choice("type", &[("now", true), ("unchanged", false)])?
            .ok_or_else(|| ApiError::missing_param(&name))
    })
}

pub fn items_change(
    items: Option<Vec<ItemChange>>,
    anchor_now: bool,
    behavior: Option<ProrationBehavior>,
    date: Option<Timestamp>,
) -> Option<ItemsChange> {
    if items.is_none() && !anchor_now {
        return None;
    }
    let behavior = behavior.unwrap_or(ProrationBehavior::CreateProrations);
    Some(ItemsChange { items: items.unwrap_or_default(), anchor_now, behavior, date })
}

/// Reads the billing mode, and whether prorations list their discounts.
pub fn billing_mode(p: &mut Params) -> Result<(BillingMode, bool)> {
    let mode = p.hash("billing_mode", |inner| {
        let object = inner.hash("flexible", |flexible| {
            flexible.choice("proration_discounts", &[("included", false), ("itemized", true)])
        })?;
        let (name, flexible) = (inner.name("type"), inner.name("flexible"));
        let mode = inner
            .choice("type", BillingMode::NAMES)?
            .ok_or_else(|| ApiError::missing_param(&name))?;
        if mode == BillingMode::Classic && object.is_some() {
            return Err(ApiError::invalid(
                "`billing_mode[flexible]` can only be set when `billing_mode[type]` is `flexible`.",
            )
            .param(&flexible));
        }
        Ok((mode, object.flatten().unwrap_or(false)))
    })?;
    Ok(mode.unwrap_or((BillingMode::Flexible, false)))
}

pub fn trial_settings(p: &mut Params) -> Result<TrialSettingsChange> {
    let settings = p.hash("trial_settings", |inner| {
        inner.hash("end_behavior", |end| {
            Ok(TrialSettingsChange {
                missing_payment_method: end
                    .choice("missing_payment_method", MissingPaymentMethod::NAMES)?,
                keeps_anchor: end
                    .choice("billing_cycle_anchor", &[("now", false), ("unchanged", true)])?,
            })
        })
    })?;
    Ok(settings.flatten().unwrap_or_default())
}

/// Reads `save_default_payment_method` from `payment_settings`.
pub fn payment_settings(p: &mut Params) -> Result<Option<bool>> {
    let keep = p.hash("payment_settings", |inner| {
        inner.not_imitated(&["payment_method_options"])?;
        inner.strings("payment_method_types")?;
        inner.choice("save_default_payment_method", &[("off", false), ("on_subscription", true)])
    })?;
    Ok(keep.flatten())
}

pub fn trial_end(p: &mut Params) -> Result<Option<TrialEnd>> {
    let name = p.name("trial_end");
    match p.text("trial_end")?.as_deref() {
        None => Ok(None),
        Some("now") => Ok(Some(TrialEnd::Now)),
        Some(at) => parse_time(at, &name).map(|at| Some(TrialEnd::At(at))),
    }
}

pub fn cancel_at(p: &mut Params) -> Result<Change<CancelAt>> {
    let name = p.name("cancel_at");
    let Some(change) = p.change("cancel_at")? else { return Ok(None) };
    let parsed = change.map(|text| match text.as_str() {
        "min_period_end" => Ok(CancelAt::MinPeriodEnd),
        "max_period_end" => Ok(CancelAt::MaxPeriodEnd),
        "max_billed_until" => Err(ApiError::not_imitated("cancel_at=max_billed_until")),
        at => parse_time(at, &name).map(CancelAt::Time),
    });
    Ok(Some(parsed.transpose()?))
}

/// Refuses a price that does not exist, is inactive or is not recurring.
pub fn check_price(world: &World, price: &str, param: &str) -> Result<()> {
    let price = find_param(&world.prices, price, param)?;
    if price.recurring.is_none() {
        return Err(ApiError::invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
        )
        .param(param));
    }
    check_sold(world, price, param)
}

/// Refuses an inactive price or product.
pub fn check_sold(world: &World, price: &Price, param: &str) -> Result<()> {
    if !price.active {
        return Err(ApiError::invalid(
            "The price specified is inactive. This field only accepts active prices.",
        )
        .code("price_inactive")
        .param(param));
    }
    if !world.product(&price.product).active {
        return Err(ApiError::invalid(format!(
            "The price specified is associated with an inactive product: {}",
            price.product
        ))
        .code("product_inactive")
        .param(param));
    }
    Ok(())
}

pub fn check_new_items(world: &World, items: &[NewItem]) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        check_price(world, &item.price, &format!("items[{index}][price]"))?;
        tax_rates::check(world, &item.tax_rates, &format!("items[{index}][tax_rates]"))?;
    }
    Ok(())
}

/// Checks the prices and tax rates of the changes. An item can keep a price that has become
/// inactive.
pub fn check_item_changes(
    world: &World,
    sub: &crate::model::subscription::Subscription,
    items: &[ItemChange],
) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        let present = item.id.as_ref().and_then(|id| sub.item(id)).map(|item| &item.price);
        if let Some(price) = item.price.as_ref().filter(|price| Some(*price) != present) {
            check_price(world, price, &format!("items[{index}][price]"))?;
        }
        tax_rates::check(
            world,
            item.tax_rates.as_deref().unwrap_or_default(),
            &format!("items[{index}][tax_rates]"),
        )?;
    }
    Ok(())
}
