//! `POST /v1/subscriptions`.

use serde_json::Value;

use super::subscription_params as shared;
use super::{add_invoice_items_params, payment_methods, subscription_json, tax_rates};
use crate::endpoint::call::Call;
use crate::endpoint::params::{Change, MetadataChange, Params};
use crate::lifecycle::cancellation::CancelAt;
use crate::lifecycle::change;
use crate::lifecycle::plan::TrialEnd;
use crate::lifecycle::subscribe::{NewSubscription, subscribe};
use crate::lifecycle::trial;
use crate::lifecycle::update::Update;
use crate::model::Metadata;
use crate::model::subscription::{Collection, PaymentBehavior, ProrationBehavior, TrialSettings};
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};
use crate::world::find_live_customer;

/// Parameters that are applied after the subscription's own.
struct OtherParams {
    trial_end: Option<TrialEnd>,
    trial_days: Option<i64>,
    cancel_at: Change<CancelAt>,
    cancel_at_period_end: Option<bool>,
    metadata: Option<MetadataChange>,
}

pub fn create(call: &mut Call<'_>) -> Result<Value> {
    let (mut new, other) = read(&mut call.params)?;
    call.begin()?;
    let world = &mut *call.world;
    // Unlike elsewhere, a parameter with an unknown customer is a 404 here.
    find_live_customer(world, &new.customer).map_err(|error| error.param("customer"))?;
    shared::check_new_items(world, &new.items)?;
    add_invoice_items_params::check(world, &new.add_invoice_items)?;
    tax_rates::check(world, &new.default_tax_rates, "default_tax_rates")?;
    if let Some(change) = other.metadata {
        change.apply(&mut new.metadata);
    }
    let now = world.now_of(&new.customer);
    new.trial_end = trial_end(other.trial_end, other.trial_days, now)?;
    check_anchor(&new, now)?;
    if let Some(method) = &new.default_payment_method {
        let method =
            payment_methods::of_customer(world, method, &new.customer, "default_payment_method")?;
        new.default_payment_method = Some(method);
    }
    let id = subscribe(world, &new)?;
    if other.cancel_at.is_some() || other.cancel_at_period_end.is_some() {
        let (cancel_at, cancel_at_period_end) = (other.cancel_at, other.cancel_at_period_end);
        change::update(
            world,
            &id,
            &Update { cancel_at, cancel_at_period_end, ..Update::default() },
        )?;
    }
    Ok(subscription_json::to_json(world, &world.subscription(&id)))
}

fn read(p: &mut Params) -> Result<(NewSubscription, OtherParams)> {
    p.not_imitated(shared::NOT_IMITATED)?;
    p.boolean("off_session")?;
    let customer = p.required("customer")?;
    let items = shared::new_items(p)?;
    let (collection, days_until_due) = read_collection(p)?;
    let behavior = p.choice("payment_behavior", PaymentBehavior::NAMES)?;
    if behavior == Some(PaymentBehavior::Pending) {
        return Err(ApiError::invalid(
            "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.",
        )
        .param("payment_behavior"));
    }
    let other = OtherParams {
        trial_end: shared::trial_end(p)?,
        trial_days: p.integer_in("trial_period_days", 0..=730)?,
        cancel_at: shared::cancel_at(p)?,
        cancel_at_period_end: p.boolean("cancel_at_period_end")?,
        metadata: p.metadata()?,
    };
    let new = NewSubscription {
        customer,
        items,
        currency: p.currency("currency")?,
        automatic_tax: shared::automatic_tax(p)?.unwrap_or_default(),
        collection,
        days_until_due,
        default_payment_method: p.text("default_payment_method")?,
        default_tax_rates: p.strings("default_tax_rates")?.unwrap_or_default(),
        add_invoice_items: add_invoice_items_params::read(p)?,
        discounts: shared::discounts(p)?.unwrap_or_default(),
        description: p.text("description")?,
        metadata: Metadata::new(),
        trial_end: None,
        trial_settings: shared::trial_settings(p)?.apply(TrialSettings::default()),
        anchor: p.time("billing_cycle_anchor")?,
        prorate_first: shared::proration_behavior(p)? != Some(ProrationBehavior::None),
        mode: shared::billing_mode(p)?,
        behavior: behavior.unwrap_or(PaymentBehavior::Allow),
        save_default_payment_method: shared::payment_settings(p)?.unwrap_or(false),
        keeps_draft: false,
    };
    Ok((new, other))
}

fn read_collection(p: &mut Params) -> Result<(Collection, Option<i64>)> {
    let collection =
        p.choice("collection_method", Collection::NAMES)?.unwrap_or(Collection::Charge);
    let days = p.integer_in("days_until_due", 0..=3650)?;
    match (collection, days) {
        (Collection::Send, None) => Err(ApiError::invalid(
            "If you set `collection_method` to `send_invoice`, you must also set `days_until_due`.",
        )
        .code("parameter_missing")
        .param("days_until_due")),
        (Collection::Charge, Some(_)) => Err(ApiError::invalid(
            "You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.",
        )),
        pair => Ok(pair),
    }
}

/// Returns the end of the trial from its end or its length.
fn trial_end(
    end: Option<TrialEnd>,
    days: Option<i64>,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let end = match (end, days) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: trial_end, trial_period_days.",
            )
            .code("parameters_exclusive"));
        }
        (Some(TrialEnd::At(at)), None) => at,
        (None, Some(days)) if days > 0 => now + days * DAY,
        _ => return Ok(None),
    };
    trial::check_end(end, now)?;
    Ok(Some(end))
}

fn check_anchor(new: &NewSubscription, now: Timestamp) -> Result<()> {
    match new.anchor {
        Some(anchor) if anchor < now => {
            Err(ApiError::invalid("`billing_cycle_anchor` must be a timestamp in the future.")
                .param("billing_cycle_anchor"))
        }
        Some(_) if new.trial_end.is_some() && !new.trial_settings.keeps_anchor => {
            Err(ApiError::not_imitated(
                "billing_cycle_anchor (with a trial that sets the anchor at its end)",
            ))
        }
        _ => Ok(()),
    }
}
