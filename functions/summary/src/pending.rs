//! Pending changes: requested, but not applied yet. No I/O.

use std::collections::HashMap;

use serde::Serialize;
use shared::DateTime;
use shared::billing::catalog::Tiers;
use shared::billing::invoice::latest_invoice;
use shared::billing::payment::Payment;
use shared::stripe::views::{Interval, Phase, Price, Subscription};

/// `pendingChange` of the response.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    #[serde(flatten)]
    target: Target,
    /// Null if the time depends on a payment.
    effective_at: Option<DateTime>,
    reason: Reason,
    /// Time at which an unpaid change expires.
    expires_at: Option<DateTime>,
    /// Page on which to pay.
    url: Option<String>,
    /// Changes after this one.
    then: Vec<LaterChange>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LaterChange {
    #[serde(flatten)]
    target: Target,
    effective_at: DateTime,
}

/// The plan after a change.
#[derive(Debug, PartialEq, Serialize)]
struct Target {
    plan: Option<String>,
    interval: Option<&'static str>,
    quantity: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    PaymentActionRequired,
    PaymentProcessing,
    Scheduled,
}

impl Target {
    /// Returns the target with these prices and quantities. Its plan is that of the base price.
    fn of<'a>(items: impl Iterator<Item = (&'a Price, Option<u64>)>, tiers: &Tiers) -> Self {
        let mut of_a_plan: Vec<_> = items
            .filter_map(|(price, quantity)| Some((tiers.of(price)?, price, quantity)))
            .collect();
        of_a_plan.sort_by_key(|(_, price, _)| price.is_metered());
        let base = of_a_plan.first();
        let interval = base.and_then(|(_, price, _)| price.recurring.as_ref());
        let licensed = base.filter(|(_, price, _)| !price.is_metered());
        Self {
            plan: base.map(|(plan, ..)| (*plan).to_owned()),
            interval: interval.map(|recurring| Interval::as_str(recurring.interval)),
            quantity: licensed.map(|(_, _, quantity)| quantity.unwrap_or(1).to_string()),
        }
    }
}

/// Returns the pending update, which Stripe applies once its invoice is paid. `payment` is that of the invoice.
pub fn awaiting_payment(
    subscription: &Subscription,
    tiers: &Tiers,
    payment: &Payment,
) -> Option<PendingChange> {
    let update = subscription.pending_change()?;
    let items = update.subscription_items.iter().flatten();
    let page = latest_invoice(subscription).and_then(|it| it.hosted_invoice_url.clone());
    Some(PendingChange {
        target: Target::of(items.map(|item| (&item.price, item.quantity)), tiers),
        effective_at: None,
        reason: if payment.is_processing() {
            Reason::PaymentProcessing
        } else {
            Reason::PaymentActionRequired
        },
        expires_at: Some(update.expires_at.date_time()),
        url: page.filter(|_| !payment.is_processing()),
        then: Vec::new(),
    })
}

/// Returns the changes that the phases of a schedule make, in order. `prices` are those of the phases by ID.
pub fn scheduled(
    phases: &[&Phase],
    prices: &HashMap<String, Price>,
    tiers: &Tiers,
) -> Option<PendingChange> {
    let target = |phase: &Phase| {
        let items = phase.items.iter();
        let known = items.filter_map(|item| Some((prices.get(item.price.id())?, item.quantity)));
        Target::of(known, tiers)
    };
    let (first, later) = phases.split_first()?;
    let later = later.iter().map(|phase| LaterChange {
        target: target(phase),
        effective_at: phase.start_date.date_time(),
    });
    Some(PendingChange {
        target: target(first),
        effective_at: Some(first.start_date.date_time()),
        reason: Reason::Scheduled,
        expires_at: None,
        url: None,
        then: later.collect(),
    })
}

#[cfg(test)]
mod tests {
    use fixtures::{price, view, with};
    use serde_json::{Value, json};
    use shared::Timestamp;

    use super::*;

    fn tiers() -> Tiers {
        let products = [("prod_agency", "agency"), ("prod_pro", "pro")];
        Tiers::from_iter(&products.map(|(id, plan)| view(fixtures::product(id, plan))))
    }

    fn subscription(change: &Value) -> Subscription {
        let items = fixtures::items(&[("prod_pro", "licensed")]);
        view(with(fixtures::subscription("sub_1", "active", &items), change))
    }

    #[test]
    fn pending_update_has_expiry_and_payment_page() {
        let waiting = subscription(&json!({
            "pending_update": { "expires_at": 1_782_639_000, "subscription_items": [
                { "price": price("price_cpu", "prod_agency", "metered"), "quantity": null },
                { "price": price("price_a", "prod_agency", "licensed"), "quantity": 3 },
            ] },
            "latest_invoice": with(
                fixtures::invoice("in_1", "open", 3500),
                &json!({ "hosted_invoice_url": "https://invoice.stripe.com/i/1" }),
            ),
        }));
        let since = Timestamp::try_from(0).expect("in range");
        let page = json!("https://invoice.stripe.com/i/1");
        let cases = [
            (Payment::None, "payment_action_required", page),
            (Payment::Processing { since }, "payment_processing", Value::Null),
        ];
        for (payment, reason, url) in cases {
            let change = awaiting_payment(&waiting, &tiers(), &payment);
            assert_eq!(
                serde_json::to_value(change).expect("serializes"),
                json!({
                    "plan": "agency", "interval": "month", "quantity": "3", "effectiveAt": null, "reason": reason,
                    "expiresAt": "2026-06-28T09:30:00Z", "url": url, "then": [],
                })
            );
        }
        assert_eq!(awaiting_payment(&subscription(&json!({})), &tiers(), &Payment::None), None);
    }

    #[test]
    fn scheduled_changes_are_listed_in_order() {
        let phase = |start: i64, items: Value| -> Phase {
            view(json!({ "start_date": start, "items": items }))
        };
        let year = with(
            price("price_year", "prod_agency", "licensed"),
            &json!({ "recurring": { "interval": "year", "interval_count": 1, "usage_type": "licensed" } }),
        );
        let prices = HashMap::from([
            ("price_pro".to_owned(), view(price("price_pro", "prod_pro", "licensed"))),
            ("price_year".to_owned(), view(year)),
            ("price_ip".to_owned(), view(price("price_ip", "prod_ip", "licensed"))),
        ]);
        let phases = [
            phase(
                4_102_444_800,
                json!([{ "price": "price_ip", "quantity": 9 }, { "price": "price_pro", "quantity": 2 }]),
            ),
            phase(4_102_444_900, json!([{ "price": "price_year" }])),
            phase(4_102_445_000, json!([{ "price": "price_ip", "quantity": 1 }])),
        ];
        let phases: Vec<&Phase> = phases.iter().collect();
        let change = scheduled(&phases, &prices, &tiers());
        assert_eq!(
            serde_json::to_value(change).expect("serializes"),
            json!({
                "plan": "pro", "interval": "month", "quantity": "2", "effectiveAt": "2100-01-01T00:00:00Z",
                "reason": "scheduled", "expiresAt": null, "url": null,
                "then": [
                    { "plan": "agency", "interval": "year", "quantity": "1", "effectiveAt": "2100-01-01T00:01:40Z" },
                    { "plan": null, "interval": null, "quantity": null, "effectiveAt": "2100-01-01T00:03:20Z" },
                ],
            })
        );
        assert_eq!(scheduled(&[], &prices, &tiers()), None);
    }
}
