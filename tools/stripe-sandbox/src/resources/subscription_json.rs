//! JSON of subscriptions and their items.

use serde_json::{Value, json};

use super::json::{merge, set};
use super::{price_json, tax_rates};
use crate::endpoint::page;
use crate::model::subscription::{
    AutomaticTax, BillingMode, CancelReason, Item, PendingUpdate, Subscription,
};
use crate::model::{Metadata, MetadataChange};
use crate::values::period::Timestamp;
use crate::world::World;

pub fn to_json(world: &World, sub: &Subscription) -> Value {
    let items = sub.items.iter().map(|item| item_to_json(world, sub, item)).collect();
    let status_details = sub.paused.as_ref().map(|paused| {
        json!({ "paused": { "subscription": { "type": paused.reason.as_str() }, "transitioned_at": paused.at, "type": "subscription" } })
    });
    let mut object = json!({
        "id": sub.id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": automatic_tax(sub.automatic_tax),
        "billing_cycle_anchor": sub.anchor,
        "billing_cycle_anchor_config": null,
        "billing_mode": billing_mode((sub.mode, sub.itemized), sub.created),
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": sub.cancel_at,
        "cancel_at_period_end": sub.cancel_at_period_end,
        "canceled_at": sub.canceled_at,
        "cancellation_details": {
            "comment": sub.cancellation.comment,
            "feedback": sub.cancellation.feedback,
            "feedback_option": null,
            "reason": sub.cancellation.reason.map(CancelReason::as_str),
        },
        "collection_method": sub.collection.as_str(),
        "created": sub.created,
        "currency": sub.currency.as_str(),
        "customer": sub.customer,
        "customer_account": null,
        "days_until_due": sub.days_until_due,
        "default_payment_method": sub.default_payment_method,
        "default_source": null,
        "default_tax_rates": rates(world, &sub.default_tax_rates),
        "description": sub.description,
        "discounts": world.discounts_in_force(&sub.discounts, world.now_of(&sub.customer)),
        "ended_at": sub.ended_at,
        "invoice_settings": {
            "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
            "issuer": { "type": "self" },
        },
        "items": page::embedded(&format!("/v1/subscription_items?subscription={}", sub.id), items),
        "latest_invoice": sub.latest_invoice,
        "livemode": false,
        "managed_payments": { "enabled": false },
        "metadata": sub.metadata,
    });
    // Stripe still sends the fields of subscriptions with a single item.
    let only = match &sub.items[..] {
        [only] => Some(only),
        _ => None,
    };
    let rest = json!({
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": sub.pause_collection.map(|(behavior, resumes_at)| {
            json!({ "behavior": behavior.as_str(), "resumes_at": resumes_at })
        }),
        "payment_settings": {
            "payment_method_options": null,
            "payment_method_types": null,
            "save_default_payment_method": if sub.save_default_payment_method { "on_subscription" } else { "off" },
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": sub.pending_setup_intent,
        "pending_update": pending_update(world, sub),
        "plan": only.map(|item| price_json::plan(world.price(&item.price))),
        "quantity": only.and_then(|item| item.quantity),
        "schedule": sub.schedule,
        "start_date": sub.start,
        "status": sub.status.as_str(),
        "test_clock": sub.test_clock,
        "transfer_data": null,
        "trial_end": sub.trial.map(|(_, end)| end),
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": if sub.trial_settings.keeps_anchor { "unchanged" } else { "now" },
                "missing_payment_method": sub.trial_settings.missing_payment_method.as_str(),
            },
        },
        "trial_start": sub.trial.map(|(start, _)| start),
    });
    merge(&mut object, rest);
    set(&mut object, "status_details", status_details);
    object
}

fn automatic_tax(tax: AutomaticTax) -> Value {
    let on = tax == AutomaticTax::On;
    let disabled = tax == AutomaticTax::Disabled;
    json!({
        "disabled_reason": disabled.then_some("requires_location_inputs"),
        "enabled": on,
        "liability": on.then(|| json!({ "type": "self" })),
    })
}

pub fn billing_mode((mode, itemized): (BillingMode, bool), updated_at: Timestamp) -> Value {
    let flexible = mode == BillingMode::Flexible;
    let prorations = if itemized { "itemized" } else { "included" };
    json!({
        "flexible": flexible.then(|| json!({ "proration_discounts": prorations })),
        "type": mode.as_str(),
        "updated_at": updated_at,
    })
}

/// Returns the pending update. A resumption that waits for its payment has only an expiry.
fn pending_update(world: &World, sub: &Subscription) -> Option<Value> {
    if let Some(pending) = &sub.pending_update {
        return Some(changes(world, pending));
    }
    let expires_at = sub.resumption.as_ref()?.expires_at?;
    Some(json!({
        "billing_cycle_anchor": null,
        "cancel_at_period_end": null,
        "discount": null,
        "discounts": null,
        "expires_at": expires_at,
        "metadata": null,
        "subscription_items": null,
        "trial_end": null,
        "trial_from_plan": null,
    }))
}

/// Returns the changes of a pending update. Fields that it does not change are null.
fn changes(world: &World, pending: &PendingUpdate) -> Value {
    let next = &pending.next;
    let items: Vec<Value> = next.items.iter().map(|item| item_to_json(world, next, item)).collect();
    let metadata = pending.metadata.as_ref().map(|change| match change {
        MetadataChange::Clear => Metadata::new(),
        MetadataChange::Merge(pairs) => pairs.iter().cloned().collect(),
    });
    json!({
        "billing_cycle_anchor": pending.reset.then_some(next.anchor),
        "cancel_at_period_end": pending.cancel_at_period_end,
        "discount": null,
        "discounts": pending.discounts,
        "expires_at": pending.expires_at,
        "metadata": metadata,
        "subscription_items": items,
        "trial_end": pending.trial_end,
        "trial_from_plan": null,
    })
}

pub fn rates(world: &World, ids: &[String]) -> Vec<Value> {
    ids.iter().filter_map(|id| world.tax_rates.get(id)).map(tax_rates::to_json).collect()
}

pub fn item_to_json(world: &World, sub: &Subscription, item: &Item) -> Value {
    let price = world.price(&item.price);
    let mut object = json!({
        "id": item.id,
        "object": "subscription_item",
        "billing_thresholds": null,
        "created": item.created,
        "current_period_end": item.period.1,
        "current_period_start": item.period.0,
        "current_trial": null,
        "discounts": world.discounts_in_force(&item.discounts, world.now_of(&sub.customer)),
        "metadata": item.metadata,
        "plan": price_json::plan(price),
        "price": price_json::to_json(price),
        "subscription": sub.id,
        "tax_rates": rates(world, &item.tax_rates),
    });
    // Metered items have no `quantity` field.
    if let Some(quantity) = item.quantity {
        object["quantity"] = quantity.into();
    }
    object
}
