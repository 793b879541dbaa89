//! Pending changes: requested, but not applied yet. No I/O.

use serde::Serialize;
use shared::DateTime;
use shared::billing::catalog::{Catalog, Tiers};
use shared::stripe::views::{Expandable, Phase, Subscription};

/// `pendingChange` of the response.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    plan: Option<String>,
    /// Null if the time depends on a payment.
    effective_at: Option<DateTime>,
    reason: Reason,
    /// Time at which an unpaid change expires.
    expires_at: Option<DateTime>,
    /// Page on which to pay.
    url: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    PaymentActionRequired,
    Scheduled,
}

/// Returns the pending update, which Stripe applies once its invoice is paid.
pub fn awaiting_payment(subscription: &Subscription, tiers: &Tiers) -> Option<PendingChange> {
    let update = subscription.pending_change()?;
    let invoice = subscription.latest_invoice.as_ref().and_then(Expandable::object);
    Some(PendingChange {
        plan: tiers.of_pending(update).map(str::to_owned),
        effective_at: None,
        reason: Reason::PaymentActionRequired,
        expires_at: Some(update.expires_at.date_time()),
        url: invoice.and_then(|invoice| invoice.hosted_invoice_url.clone()),
    })
}

/// Returns the first later phase of the subscription's schedule that has other prices.
pub fn next_phase(subscription: &Subscription) -> Option<&Phase> {
    let now = subscription.now();
    let schedule = subscription.schedule.as_ref()?.object()?;
    let has = |price: &str| subscription.items.data.iter().any(|item| item.price.id == price);
    let changes = |phase: &&Phase| {
        phase.items.len() != subscription.items.data.len()
            || !phase.items.iter().all(|item| has(item.price.id()))
    };
    let later = schedule.phases.iter().filter(|phase| phase.start_date > now);
    later.filter(changes).min_by_key(|phase| phase.start_date)
}

/// Returns the change that a phase makes.
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
    use fixtures::view;
    use serde_json::{Value, json};

    use super::*;

    fn tiers() -> Tiers {
        Tiers::from_iter(&[view(fixtures::product("prod_agency", "agency"))])
    }

    fn with(change: &Value) -> Subscription {
        let items = fixtures::items(&[("prod_pro", "licensed")]);
        view(fixtures::with(fixtures::subscription("sub_1", "active", &items), change))
    }

    #[test]
    fn pending_update_has_expiry_and_payment_page() {
        let subscription = with(&json!({
            "pending_update": { "expires_at": 1_782_639_000, "subscription_items": [{ "price": fixtures::price("price_a", "prod_agency", "licensed") }] },
            "latest_invoice": fixtures::with(
                fixtures::invoice("in_1", "open", 3500),
                &json!({ "hosted_invoice_url": "https://invoice.stripe.com/i/1" }),
            ),
        }));
        let change = awaiting_payment(&subscription, &tiers());
        assert_eq!(
            serde_json::to_value(change).expect("serialises"),
            json!({ "plan": "agency", "effectiveAt": null, "reason": "payment_action_required", "expiresAt": "2026-06-28T09:30:00Z", "url": "https://invoice.stripe.com/i/1" })
        );
        assert_eq!(awaiting_payment(&with(&json!({})), &tiers()), None);
    }

    #[test]
    fn scheduled_change_is_the_next_phase_with_other_prices() {
        let far = 4_102_444_800; // 2100-01-01
        let schedule = |price: &str, start: i64| {
            with(&json!({ "schedule": { "phases": [
                { "start_date": 0, "items": [{ "price": "price_prod_pro_licensed" }] },
                { "start_date": far - 9, "items": [{ "price": "price_prod_pro_licensed" }] },
                { "start_date": start, "items": [{ "price": price }] },
            ] } }))
        };
        let changed = schedule("price_prod_agency_licensed", far);
        let phase = next_phase(&changed).expect("a change");
        assert_eq!(
            serde_json::to_value(scheduled(phase, &Catalog::default())).expect("serialises"),
            json!({ "plan": null, "effectiveAt": "2100-01-01T00:00:00Z", "reason": "scheduled", "expiresAt": null, "url": null })
        );
        assert!(next_phase(&schedule("price_prod_pro_licensed", far)).is_none(), "the same prices");
        assert!(next_phase(&schedule("price_prod_agency_licensed", 1)).is_none(), "a past phase");
    }
}
