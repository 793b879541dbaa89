//! Builds the response from the subscription and the next invoice. No I/O.

use serde::Serialize;
use shared::billing::breakdown::Breakdown;
use shared::billing::catalog::{FREE_TIER, Tiers};
use shared::billing::subscription::Current;
use shared::stripe::views::{Invoice, Line, Subscription};
use shared::values::exact;
use shared::{Currency, Date, Money, StripeError};

use crate::pending::PendingChange;

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    plan: Option<String>,
    status: &'static str,
    current_period_start: Option<Date>,
    current_period_end: Option<Date>,
    trial_end: Option<Date>,
    cancel_at: Option<Date>,
    pending_change: Option<PendingChange>,
    estimate: Option<Estimate>,
    currency: Currency,
    subscription_id: Option<String>,
    warnings: Vec<&'static str>,
}

/// Preview of the next invoice.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Estimate {
    currency: Currency,
    /// Total with tax.
    amount: Money,
    amount_due: Money,
    subtotal: Money,
    tax: Money,
    discount: Money,
    credit_applied: Money,
    lines: Vec<EstimateLine>,
}

#[derive(Debug, Serialize)]
struct EstimateLine {
    description: Option<String>,
    amount: Money,
    quantity: Option<String>,
    metered: bool,
    plan: Option<String>,
}

impl Summary {
    /// Returns the summary of an account without a live subscription, which is on the free tier.
    pub fn without_subscription(status: &'static str, currency: Currency) -> Self {
        Self {
            plan: Some(FREE_TIER.to_owned()),
            status,
            current_period_start: None,
            current_period_end: None,
            trial_end: None,
            cancel_at: None,
            pending_change: None,
            estimate: None,
            currency,
            subscription_id: None,
            warnings: Vec::new(),
        }
    }

    /// Returns the summary of a live subscription.
    pub fn of(
        current: &Current<'_>,
        tiers: &Tiers,
        pending_change: Option<PendingChange>,
        next_invoice: Option<&Invoice>,
    ) -> Result<Self, StripeError> {
        let subscription = current.subscription;
        let items = &subscription.items.data;
        // Items have their own periods since API version 2025-03-31. The plan's is that of its base price.
        let base = current.plan.map(|plan| plan.item).or_else(|| items.first());
        let estimate =
            next_invoice.map(|invoice| Estimate::of(invoice, subscription, tiers)).transpose()?;
        Ok(Self {
            plan: current.plan.map(|plan| plan.tier.to_owned()),
            status: subscription.status.as_str(),
            current_period_start: base.map(|item| item.current_period_start.date()),
            current_period_end: base.map(|item| item.current_period_end.date()),
            trial_end: subscription.trial_end.map(shared::Timestamp::date),
            cancel_at: subscription.ends_at().map(shared::Timestamp::date),
            pending_change,
            estimate,
            currency: subscription.currency,
            subscription_id: Some(subscription.id.clone()),
            warnings: if current.live > 1 { vec!["multiple_subscriptions"] } else { Vec::new() },
        })
    }
}

impl Estimate {
    fn of(
        invoice: &Invoice,
        subscription: &Subscription,
        tiers: &Tiers,
    ) -> Result<Self, StripeError> {
        let Breakdown { subtotal, discount, tax, total, credit_applied, amount_due, .. } =
            Breakdown::of(invoice)?;
        let line = |line: &Line| EstimateLine {
            description: line.description.clone(),
            amount: Money::new(line.amount, invoice.currency),
            quantity: line.quantity_decimal.or(line.quantity).map(exact),
            metered: is_metered(line, subscription),
            plan: line.product().and_then(|product| tiers.of(product)).map(str::to_owned),
        };
        Ok(Self {
            currency: invoice.currency,
            amount: total,
            amount_due,
            subtotal,
            tax,
            discount,
            credit_applied,
            lines: invoice.lines.data.iter().map(line).collect(),
        })
    }
}

/// Returns whether a line bills usage, which only its subscription item tells.
fn is_metered(line: &Line, subscription: &Subscription) -> bool {
    let Some(details) = line.subscription_item() else { return false };
    let mut items = subscription.items.data.iter();
    items.any(|item| item.id == details.subscription_item && item.price.is_metered())
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    fn tiers() -> Tiers {
        Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))])
    }

    fn subscription(
        id: &str,
        status: &str,
        items: &[(&str, &str)],
        change: &Value,
    ) -> Subscription {
        view(with(fixtures::subscription(id, status, &fixtures::items(items)), change))
    }

    #[track_caller]
    fn summary(subscriptions: &[Subscription], next_invoice: Option<&Invoice>) -> Value {
        let tiers = tiers();
        let current = Current::of(subscriptions, &tiers).expect("a live subscription");
        let summary = Summary::of(&current, &tiers, None, next_invoice).expect("it adds up");
        serde_json::to_value(summary).expect("serialises")
    }

    const PRO: &[(&str, &str)] =
        &[("prod_pro", "licensed"), ("prod_pro", "metered"), ("prod_ip", "licensed")];

    #[test]
    fn subscription_with_usage_has_all_fields() {
        let line = |n: &str, product: &str, amount: i64, quantity: &str| {
            json!({
                "id": format!("il_{n}"), "amount": amount, "description": format!("line {n}"),
                "period": { "start": 0, "end": 0 }, "quantity": 1, "quantity_decimal": quantity,
                "parent": { "subscription_item_details": { "subscription_item": format!("si_{n}"), "proration": false } },
                "pricing": { "price_details": { "product": product } },
            })
        };
        let change = json!({
            "subtotal": 4120, "total": 4532, "starting_balance": -532, "amount_due": 4000,
            "total_taxes": [{ "amount": 412, "tax_behavior": "exclusive" }],
            "lines": { "has_more": false, "data": [
                line("0", "prod_pro", 3500, "1"), line("1", "prod_pro", 120, "100.5"), line("2", "prod_ip", 500, "2"),
            ] },
        });
        let invoice = view(with(fixtures::invoice("in_1", "draft", 0), &change));
        let subscriptions = [subscription("sub_1", "active", PRO, &json!({}))];
        let expected = json!({
            "plan": "pro", "status": "active",
            "currentPeriodStart": "2026-05-29", "currentPeriodEnd": "2026-06-28",
            "trialEnd": null, "cancelAt": null, "pendingChange": null,
            "estimate": {
                "currency": "USD", "amount": "45.32", "amountDue": "40.00", "subtotal": "41.20",
                "tax": "4.12", "discount": "0.00", "creditApplied": "5.32",
                "lines": [
                    { "description": "line 0", "amount": "35.00", "quantity": "1", "metered": false, "plan": "pro" },
                    { "description": "line 1", "amount": "1.20", "quantity": "100.5", "metered": true, "plan": "pro" },
                    { "description": "line 2", "amount": "5.00", "quantity": "2", "metered": false, "plan": null },
                ],
            },
            "currency": "USD", "subscriptionId": "sub_1", "warnings": [],
        });
        assert_eq!(summary(&subscriptions, Some(&invoice)), expected);
    }

    #[test]
    fn cancel_at_is_the_day_of_the_end() {
        for (change, day) in [
            (json!({}), Value::Null),
            (json!({ "cancel_at_period_end": true }), json!("2026-06-28")),
            (json!({ "cancel_at": 1_785_231_000 }), json!("2026-07-28")),
        ] {
            assert_eq!(
                summary(&[subscription("sub_1", "active", PRO, &change)], None)["cancelAt"],
                day,
                "{change}"
            );
        }
    }

    #[test]
    fn second_subscription_is_a_warning_and_unknown_product_no_plan() {
        let addon = || subscription("sub_2", "past_due", &[("prod_ip", "licensed")], &json!({}));
        let pro = || subscription("sub_1", "active", PRO, &json!({}));
        let cases = [
            (vec![addon(), pro()], json!(["sub_1", "pro", "active", ["multiple_subscriptions"]])),
            (vec![addon()], json!(["sub_2", null, "past_due", []])),
        ];
        for (subscriptions, expected) in cases {
            let got = summary(&subscriptions, None);
            assert_eq!(
                json!([got["subscriptionId"], got["plan"], got["status"], got["warnings"]]),
                expected
            );
        }
    }

    #[test]
    fn account_without_subscription_is_on_the_free_tier() {
        let currency = "eur".parse().expect("a currency");
        let got = serde_json::to_value(Summary::without_subscription("canceled", currency))
            .expect("serialises");
        assert_eq!(
            got,
            json!({
                "plan": "hobby", "status": "canceled", "currentPeriodStart": null, "currentPeriodEnd": null,
                "trialEnd": null, "cancelAt": null, "pendingChange": null, "estimate": null,
                "currency": "EUR", "subscriptionId": null, "warnings": [],
            })
        );
    }
}
