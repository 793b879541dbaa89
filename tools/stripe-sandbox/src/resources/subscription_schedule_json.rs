//! JSON of subscription schedules.

use serde_json::{Value, json};

use super::subscription_json;
use crate::model::catalog::RequestedDiscount;
use crate::model::schedule::{Phase, PhaseAnchor, PhaseItem, Schedule, Status};
use crate::world::World;

pub fn to_json(world: &World, schedule: &Schedule) -> Value {
    let active = schedule.status == Status::Active;
    let released = schedule.status == Status::Released;
    let phases: Vec<Value> =
        schedule.phases.iter().map(|phase| phase_to_json(world, schedule, phase)).collect();
    json!({
        "id": schedule.id,
        "object": "subscription_schedule",
        "application": null,
        "billing_mode": subscription_json::billing_mode(schedule.mode, schedule.created),
        "canceled_at": schedule.canceled_at,
        "completed_at": schedule.completed_at,
        "created": schedule.created,
        "current_phase": active.then(|| {
            let phase = schedule.phase();
            json!({ "end_date": phase.end, "start_date": phase.start })
        }),
        "customer": schedule.customer,
        "customer_account": null,
        "default_settings": default_settings(),
        "end_behavior": schedule.end_behavior.as_str(),
        "livemode": false,
        "metadata": schedule.metadata,
        "phases": phases,
        "released_at": schedule.released_at,
        "released_subscription": schedule.subscription.as_ref().filter(|_| released),
        "status": schedule.status.as_str(),
        "subscription": schedule.subscription.as_ref().filter(|_| !released),
        "test_clock": schedule.test_clock,
    })
}

fn default_settings() -> Value {
    json!({
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": null,
        "collection_method": "charge_automatically",
        "default_payment_method": null,
        "description": null,
        "invoice_settings": {
            "account_tax_ids": null, "custom_fields": null, "days_until_due": null,
            "description": null, "footer": null, "issuer": { "type": "self" },
        },
        "on_behalf_of": null,
        "transfer_data": null,
    })
}

fn phase_to_json(world: &World, schedule: &Schedule, phase: &Phase) -> Value {
    let items: Vec<Value> = phase.items.iter().map(|item| item_to_json(world, item)).collect();
    json!({
        "add_invoice_items": [],
        "application_fee_percent": null,
        "billing_cycle_anchor": phase.anchor.map(PhaseAnchor::as_str),
        "billing_thresholds": null,
        "collection_method": null,
        "currency": schedule.currency.as_str(),
        "default_payment_method": null,
        "default_tax_rates": subscription_json::rates(world, phase.default_tax_rates.as_deref().unwrap_or_default()),
        "description": phase.description,
        "discounts": discounts(&phase.discounts),
        "end_date": phase.end,
        "invoice_settings": null,
        "items": items,
        "metadata": phase.metadata,
        "on_behalf_of": null,
        "proration_behavior": phase.behavior.as_str(),
        "start_date": phase.start,
        "transfer_data": null,
        "trial_end": phase.trial_end,
    })
}

fn discounts(wanted: &[RequestedDiscount]) -> Vec<Value> {
    let entry = |discount: &RequestedDiscount| {
        let (mut coupon, mut present, mut code) = (None, None, None);
        match discount {
            RequestedDiscount::Coupon(id) => coupon = Some(id),
            RequestedDiscount::Discount(id) => present = Some(id),
            RequestedDiscount::PromotionCode(id) => code = Some(id),
        }
        json!({ "coupon": coupon, "discount": present, "promotion_code": code })
    };
    wanted.iter().map(entry).collect()
}

fn item_to_json(world: &World, item: &PhaseItem) -> Value {
    let mut object = json!({
        "billing_thresholds": null,
        "discounts": discounts(&item.discounts),
        "metadata": item.metadata,
        "plan": item.price,
        "price": item.price,
        "tax_rates": subscription_json::rates(world, &item.tax_rates),
    });
    if let Some(quantity) = item.quantity {
        object["quantity"] = quantity.into();
    }
    object
}
