//! A change that has been asked for and is not in force yet.

use serde::Serialize;
use shared::DateTime;
use shared::billing::catalog::{Catalog, Tiers};
use shared::stripe::views::{Expandable, Phase, Subscription};

/// What the subscription is going to become, and what that waits for.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    plan: Option<String>,
    /// When it takes effect; null where that depends on a payment.
    effective_at: Option<DateTime>,
    reason: Reason,
    /// When the change lapses if it is not paid for.
    expires_at: Option<DateTime>,
    /// Where to pay for it.
    url: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    PaymentActionRequired,
    Scheduled,
}

/// A change that Stripe holds back until its invoice is paid.
pub fn awaiting_payment(subscription: &Subscription, tiers: &Tiers) -> Option<PendingChange> {
    let update = subscription.pending_update.as_ref()?;
    let invoice = subscription.latest_invoice.as_ref().and_then(Expandable::object);
    Some(PendingChange {
        plan: tiers.of_pending(update).map(str::to_owned),
        effective_at: None,
        reason: Reason::PaymentActionRequired,
        expires_at: Some(update.expires_at.date_time()),
        url: invoice.and_then(|invoice| invoice.hosted_invoice_url.clone()),
    })
}

/// The phase of the subscription's schedule that comes next, if it brings other prices.
pub fn next_phase(subscription: &Subscription) -> Option<&Phase> {
    let now = subscription.now();
    let schedule = subscription.schedule.as_ref()?.object()?;
    let next = schedule
        .phases
        .iter()
        .filter(|phase| phase.start_date > now)
        .min_by_key(|phase| phase.start_date)?;
    let has = |price: &str| subscription.items.data.iter().any(|item| item.price.id == price);
    let stays = next.items.len() == subscription.items.data.len()
        && next.items.iter().all(|item| has(item.price.id()));
    (!stays).then_some(next)
}

/// The change that this phase brings.
pub fn scheduled(phase: &Phase, catalog: &Catalog) -> PendingChange {
    let plan = phase.items.iter().find_map(|item| catalog.tier_of_price(item.price.id()));
    PendingChange {
        plan: plan.map(str::to_owned),
        effective_at: Some(phase.start_date.date_time()),
        reason: Reason::Scheduled,
        expires_at: None,
        url: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::stripe::views::Product;

    use super::*;
    use crate::fixtures::{price, subscription};

    fn tiers() -> Tiers {
        let agency: Product = serde_json::from_value(
            json!({ "id": "prod_agency", "metadata": { "cantila_plan": "agency" } }),
        )
        .expect("a product");
        Tiers::from_iter(&[agency])
    }

    fn with(change: &Value) -> Subscription {
        subscription("sub_1", "active", &[("prod_pro", "licensed")], change)
    }

    #[test]
    fn a_change_that_waits_for_payment_says_until_when_and_where_to_pay() {
        let subscription = with(&json!({
            "pending_update": { "expires_at": 1_782_639_000, "subscription_items": [{ "price": price("prod_agency", "licensed") }] },
            "latest_invoice": crate::fixtures::invoice(&json!({ "hosted_invoice_url": "https://invoice.stripe.com/i/1" })),
        }));
        let change = awaiting_payment(&subscription, &tiers());
        assert_eq!(
            serde_json::to_value(change).expect("serialises"),
            json!({ "plan": "agency", "effectiveAt": null, "reason": "payment_action_required", "expiresAt": "2026-06-28T09:30:00Z", "url": "https://invoice.stripe.com/i/1" })
        );
        assert_eq!(awaiting_payment(&with(&json!({})), &tiers()), None);
    }

    #[test]
    fn a_scheduled_change_is_the_next_phase_that_brings_other_prices() {
        let schedule = |price: &str, start: i64| {
            with(&json!({ "schedule": { "phases": [
                { "start_date": 0, "items": [{ "price": "price_prod_pro_licensed" }] },
                { "start_date": start, "items": [{ "price": price }] },
            ] } }))
        };
        let far = 4_102_444_800; // 2100-01-01
        let changed = schedule("price_prod_agency_licensed", far);
        let phase = next_phase(&changed).expect("a change");
        assert_eq!(
            serde_json::to_value(scheduled(phase, &Catalog::default())).expect("serialises"),
            json!({ "plan": null, "effectiveAt": "2100-01-01T00:00:00Z", "reason": "scheduled", "expiresAt": null, "url": null })
        );
        assert!(
            next_phase(&schedule("price_prod_pro_licensed", far)).is_none(),
            "the same prices again"
        );
        assert!(
            next_phase(&schedule("price_prod_agency_licensed", 1)).is_none(),
            "a phase of the past"
        );
    }
}
