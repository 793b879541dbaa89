//! `POST /v1/subscriptions/{id}`.

use serde_json::Value;

use super::subscription_params as shared;
use super::{add_invoice_items_params, payment_methods, subscription_json, tax_rates};
use crate::endpoint::call::Call;
use crate::endpoint::params::{Change, Params};
use crate::lifecycle::change;
use crate::lifecycle::plan::BillingChange;
use crate::lifecycle::update::Update;
use crate::model::subscription::{Collection, PauseBehavior, PaymentBehavior};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;
use crate::world::find;

pub fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let mut update = read(&mut call.params)?;
    call.begin()?;
    let sub = find(call.world.subscriptions(), &id)?.clone();
    if let Some(items) = &update.billing.items {
        shared::check_item_changes(call.world, &sub, &items.items)?;
    }
    add_invoice_items_params::check(call.world, &update.billing.add_invoice_items)?;
    tax_rates::check(
        call.world,
        update.default_tax_rates.as_deref().unwrap_or_default(),
        "default_tax_rates",
    )?;
    if let Some(Some(method)) = &mut update.default_payment_method {
        *method = payment_methods::of_customer(
            call.world,
            method,
            &sub.customer,
            "default_payment_method",
        )?;
    }
    change::update(call.world, &id, &update)?;
    Ok(subscription_json::to_json(call.world, &call.world.subscription(&id)))
}

/// Parameters that are allowed with `payment_behavior=pending_if_incomplete`.
const WITH_PENDING: &[&str] = &[
    "add_invoice_items",
    "billing_cycle_anchor",
    "cancel_at_period_end",
    "discounts",
    "expand",
    "items",
    "metadata",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
];
const ITEM_WITH_PENDING: &[&str] = &["deleted", "discounts", "id", "price", "quantity"];

/// Refuses parameters that a pending update cannot contain.
fn only_with_pending(p: &Params) -> Result<()> {
    let refuse = |name: &str| {
        Err(ApiError::invalid(format!(
            "You cannot pass `{name}` when `payment_behavior` is set to `pending_if_incomplete`."
        ))
        .param(name))
    };
    for name in p.names() {
        if !WITH_PENDING.contains(&name) {
            return refuse(name);
        }
    }
    for (name, leaf) in p.names_in_list("items") {
        if !ITEM_WITH_PENDING.contains(&leaf) {
            return refuse(&name);
        }
    }
    Ok(())
}

fn read(p: &mut Params) -> Result<Update> {
    let behavior = p.choice("payment_behavior", PaymentBehavior::NAMES)?;
    if behavior == Some(PaymentBehavior::Pending) {
        only_with_pending(p)?;
    }
    p.not_imitated(shared::NOT_IMITATED)?;
    p.boolean("off_session")?;
    let items = shared::item_changes(p)?;
    let anchor_now = shared::anchor_now(p, false)?.unwrap_or(false);
    let proration = shared::proration_behavior(p)?;
    let date = p.time("proration_date")?;
    let (feedback, comment) = cancellation_details(p)?;
    Ok(Update {
        automatic_tax: shared::automatic_tax(p)?,
        metadata: p.metadata()?,
        feedback,
        comment,
        default_payment_method: p.change("default_payment_method")?,
        description: p.change("description")?,
        default_tax_rates: p.strings("default_tax_rates")?,
        discounts: shared::discounts(p)?,
        cancel_at: shared::cancel_at(p)?,
        cancel_at_period_end: p.boolean("cancel_at_period_end")?,
        pause_collection: p.hash_change("pause_collection", pause_collection)?,
        collection: p.choice("collection_method", Collection::NAMES)?,
        days_until_due: p.integer_in("days_until_due", 0..=3650)?,
        trial_settings: shared::trial_settings(p)?,
        save_default_payment_method: shared::payment_settings(p)?,
        billing: BillingChange {
            items: shared::items_change(items, anchor_now, proration, date),
            trial_end: shared::trial_end(p)?,
            behavior: proration,
            date,
            add_invoice_items: add_invoice_items_params::read(p)?,
        },
        behavior,
    })
}

fn pause_collection(p: &mut Params) -> Result<(PauseBehavior, Option<Timestamp>)> {
    let name = p.name("behavior");
    let behavior = p
        .choice("behavior", PauseBehavior::NAMES)?
        .ok_or_else(|| ApiError::missing_param(&name))?;
    Ok((behavior, p.time("resumes_at")?))
}

pub const FEEDBACK: &[(&str, &str)] = &[
    ("customer_service", "customer_service"),
    ("low_quality", "low_quality"),
    ("missing_features", "missing_features"),
    ("other", "other"),
    ("switched_service", "switched_service"),
    ("too_complex", "too_complex"),
    ("too_expensive", "too_expensive"),
    ("unused", "unused"),
];

/// Reads feedback and comment.
pub fn cancellation_details(p: &mut Params) -> Result<(Change<String>, Change<String>)> {
    let details = p.hash("cancellation_details", |inner| {
        inner.not_imitated(&["feedback_option"])?;
        let name = inner.name("feedback");
        let feedback = inner.change("feedback")?.map(|text| {
            text.map(|text| {
                crate::endpoint::params::parse_choice(&text, &name, FEEDBACK).map(str::to_owned)
            })
            .transpose()
        });
        Ok((feedback.transpose()?, inner.change("comment")?))
    })?;
    Ok(details.unwrap_or_default())
}
