//! Builds the response from the subscription and the next invoice. No I/O.

use serde::Serialize;
use shared::billing::catalog::{FREE_TIER, Tiers};
use shared::billing::line_prices::LinePrices;
use shared::billing::subscription::Current;
use shared::stripe::views::Customer;
use shared::{Currency, Date, DateTime, Money, StripeError, Timestamp};

use crate::discounts::{Discount, discounts};
use crate::estimate::{Estimate, NextInvoice};
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
    quantity: Option<String>,
    pending_change: Option<PendingChange>,
    estimate: Option<Estimate>,
    next_charge_at: Option<DateTime>,
    /// The customer's credit; negative for a debt.
    balance: Money,
    discounts: Vec<Discount>,
    currency: Currency,
    subscription_id: Option<String>,
    warnings: Vec<&'static str>,
}

impl Summary {
    /// Returns the summary of an account without a live subscription, which is on the free tier.
    pub fn without_subscription(
        status: &'static str,
        currency: Currency,
        customer: Option<&Customer>,
    ) -> Self {
        Self {
            plan: Some(FREE_TIER.to_owned()),
            status,
            current_period_start: None,
            current_period_end: None,
            trial_end: None,
            cancel_at: None,
            quantity: None,
            pending_change: None,
            estimate: None,
            next_charge_at: None,
            balance: credit(customer, currency),
            discounts: discounts(None, customer, currency),
            currency,
            subscription_id: None,
            warnings: Vec::new(),
        }
    }

    /// Returns the summary of a live subscription.
    pub fn of(
        current: &Current<'_>,
        customer: Option<&Customer>,
        tiers: &Tiers,
        pending_change: Option<PendingChange>,
        next_invoice: &NextInvoice,
        prices: &LinePrices<'_>,
        estimated_at: Timestamp,
    ) -> Result<Self, StripeError> {
        let subscription = current.subscription;
        let items = &subscription.items.data;
        // Items have their own periods since API version 2025-03-31. The plan's is that of its base price.
        let base = current.plan.map(|plan| plan.item).or_else(|| items.first());
        let warnings = [
            (current.live > 1, "multiple_subscriptions"),
            (matches!(next_invoice, NextInvoice::LacksTaxLocation), "tax_location_required"),
        ];
        Ok(Self {
            plan: current.plan.map(|plan| plan.tier.to_owned()),
            status: subscription.status.as_str(),
            current_period_start: base.map(|item| item.current_period_start.date()),
            current_period_end: base.map(|item| item.current_period_end.date()),
            trial_end: subscription.running_trial_end().map(Timestamp::date),
            cancel_at: subscription.ends_at().map(Timestamp::date),
            quantity: base.and_then(|item| item.quantity).map(|quantity| quantity.to_string()),
            pending_change,
            estimate: next_invoice.estimate(tiers, prices, estimated_at)?,
            next_charge_at: next_invoice.charged_at(subscription).map(Timestamp::date_time),
            balance: credit(customer, subscription.currency),
            discounts: discounts(Some(subscription), customer, subscription.currency),
            currency: subscription.currency,
            subscription_id: Some(subscription.id.clone()),
            warnings: warnings
                .into_iter()
                .filter_map(|(holds, name)| holds.then_some(name))
                .collect(),
        })
    }
}

/// Returns the customer's credit. Stripe uses the opposite sign, and has one balance in the customer's currency.
fn credit(customer: Option<&Customer>, currency: Currency) -> Money {
    let balance = customer.filter(|customer| customer.currency == Some(currency));
    Money::new(balance.map_or(0, |customer| -customer.balance), currency)
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};
    use shared::stripe::views::Subscription;

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

    fn customer(balance: i64) -> Customer {
        view(with(fixtures::customer("cus_1"), &json!({ "balance": balance })))
    }

    #[track_caller]
    fn summary(subscriptions: &[Subscription], next_invoice: &NextInvoice) -> Value {
        let tiers = tiers();
        let current = Current::of(subscriptions, &tiers).expect("a live subscription");
        let customer = customer(-532);
        let prices = LinePrices::of_items(current.subscription);
        let estimated_at = Timestamp::try_from(1_782_639_000).expect("in range");
        let summary = Summary::of(
            &current,
            Some(&customer),
            &tiers,
            None,
            next_invoice,
            &prices,
            estimated_at,
        );
        let summary = summary.expect("it adds up");
        serde_json::to_value(summary).expect("serialises")
    }

    const PRO: &[(&str, &str)] =
        &[("prod_pro", "licensed"), ("prod_pro", "metered"), ("prod_ip", "licensed")];

    #[test]
    fn subscription_with_usage_has_all_fields() {
        let line = |n: &str, price: &str, product: &str, amount: i64, quantity: &str| {
            json!({
                "id": format!("il_{n}"), "amount": amount, "description": format!("line {n}"),
                "period": { "start": 0, "end": 0 }, "quantity": 1, "quantity_decimal": quantity,
                "parent": { "subscription_item_details": { "subscription_item": format!("si_{n}"), "proration": false } },
                "pricing": { "price_details": { "price": price, "product": product } },
            })
        };
        let mut items = fixtures::items(PRO);
        items.push(fixtures::item(
            "si_3",
            &with(
                fixtures::price("price_cpu", "prod_cpu", "metered"),
                &json!({ "metadata": { "cantila_plan": "pro", "cantila_meter": "cpu" } }),
            ),
        ));
        items[1]["price"]["metadata"] = json!({ "cantila_meter": "ram" });
        let change = json!({
            "subtotal": 4120, "total": 4532, "starting_balance": -532, "amount_due": 4000,
            "total_taxes": [{ "amount": 412, "tax_behavior": "exclusive" }],
            "lines": { "has_more": false, "data": [
                line("0", "price_prod_pro_licensed", "prod_pro", 3500, "1"),
                line("1", "price_prod_pro_metered", "prod_pro", 120, "100.5"),
                line("2", "price_prod_ip_licensed", "prod_ip", 500, "2"),
                line("3", "price_cpu", "prod_cpu", 0, "7"),
                line("4", "price_deleted", "prod_pro", 0, "1"),
            ] },
        });
        let invoice = view(with(fixtures::invoice("in_1", "draft", 0), &change));
        let mut subscriptions: [Subscription; 1] =
            [view(fixtures::subscription("sub_1", "active", &items))];
        subscriptions[0].items.data[0].quantity = Some(1);
        let expected = json!({
            "plan": "pro", "status": "active",
            "currentPeriodStart": "2026-05-29", "currentPeriodEnd": "2026-06-28",
            "trialEnd": null, "cancelAt": null, "quantity": "1", "pendingChange": null,
            "estimate": {
                "status": "preview", "currency": "USD", "amount": "45.32", "amountDue": "40.00", "subtotal": "41.20",
                "tax": "4.12", "discount": "0.00", "billingCredits": "0.00", "creditApplied": "5.32",
                "lines": [
                    { "description": "line 0", "amount": "35.00", "quantity": "1", "metered": false, "plan": "pro", "meter": null },
                    { "description": "line 1", "amount": "1.20", "quantity": "100.5", "metered": true, "plan": "pro", "meter": "ram" },
                    { "description": "line 2", "amount": "5.00", "quantity": "2", "metered": false, "plan": null, "meter": null },
                    { "description": "line 3", "amount": "0.00", "quantity": "7", "metered": true, "plan": "pro", "meter": "cpu" },
                    { "description": "line 4", "amount": "0.00", "quantity": "1", "metered": false, "plan": "pro", "meter": null },
                ],
                "asOf": "2026-06-28T09:30:00Z",
            },
            "nextChargeAt": "2026-06-28T09:30:00Z", "balance": "5.32", "discounts": [],
            "currency": "USD", "subscriptionId": "sub_1", "warnings": [],
        });
        assert_eq!(summary(&subscriptions, &NextInvoice::Preview(Box::new(invoice))), expected);
    }

    #[test]
    fn cancel_at_is_the_day_of_the_end() {
        for (change, day) in [
            (json!({}), Value::Null),
            (json!({ "cancel_at_period_end": true }), json!("2026-06-28")),
            (json!({ "cancel_at": 1_785_231_000 }), json!("2026-07-28")),
        ] {
            assert_eq!(
                summary(&[subscription("sub_1", "active", PRO, &change)], &NextInvoice::None)["cancelAt"],
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
            let got = summary(&subscriptions, &NextInvoice::None);
            assert_eq!(
                json!([got["subscriptionId"], got["plan"], got["status"], got["warnings"]]),
                expected
            );
        }
    }

    #[test]
    fn account_without_subscription_is_on_the_free_tier() {
        let currency = "eur".parse().expect("a currency");
        let got = serde_json::to_value(Summary::without_subscription(
            "canceled",
            currency,
            Some(&customer(7)),
        ))
        .expect("serialises");
        assert_eq!(
            got,
            json!({
                "plan": "hobby", "status": "canceled", "currentPeriodStart": null, "currentPeriodEnd": null,
                "trialEnd": null, "cancelAt": null, "quantity": null, "pendingChange": null, "estimate": null,
                "nextChargeAt": null, "balance": "0.00", "discounts": [],
                "currency": "EUR", "subscriptionId": null, "warnings": [],
            })
        );
    }

    #[test]
    fn next_charge_depends_on_the_invoice_and_the_collection() {
        let invoice =
            |change: &Value| Box::new(view(with(fixtures::invoice("in_1", "draft", 100), change)));
        let none = json!({});
        let attempt = json!({ "next_payment_attempt": 1_785_231_000 });
        let finalizes = json!({ "automatically_finalizes_at": 1_785_231_000 });
        let sent = json!({ "collection_method": "send_invoice" });
        let paused = json!({ "pause_collection": { "behavior": "void" } });
        let (end, later) = (json!("2026-06-28T09:30:00Z"), json!("2026-07-28T09:30:00Z"));
        let cases = [
            (NextInvoice::Preview(invoice(&none)), &none, end),
            (NextInvoice::Preview(invoice(&attempt)), &none, later.clone()),
            (NextInvoice::Draft(invoice(&attempt)), &none, later.clone()),
            (NextInvoice::Draft(invoice(&finalizes)), &none, later),
            (NextInvoice::Preview(invoice(&sent)), &none, Value::Null),
            (NextInvoice::Preview(invoice(&attempt)), &paused, Value::Null),
            (NextInvoice::None, &none, Value::Null),
        ];
        for (next, change, expected) in cases {
            let got = summary(&[subscription("sub_1", "active", PRO, change)], &next);
            assert_eq!(got["nextChargeAt"], expected);
        }
        let draft = NextInvoice::Draft(invoice(&none));
        let got = summary(&[subscription("sub_1", "active", PRO, &none)], &draft);
        assert_eq!(got["estimate"]["status"], "draft");
    }

    #[test]
    fn missing_tax_location_is_a_warning() {
        let got = summary(
            &[subscription("sub_1", "active", PRO, &json!({}))],
            &NextInvoice::LacksTaxLocation,
        );
        assert_eq!(
            (&got["estimate"], &got["warnings"]),
            (&Value::Null, &json!(["tax_location_required"]))
        );
    }

    #[test]
    fn trial_end_is_null_once_the_trial_is_over() {
        for (end, expected) in [(1, Value::Null), (4_102_444_800_i64, json!("2100-01-01"))] {
            let trial = subscription("sub_1", "active", PRO, &json!({ "trial_end": end }));
            assert_eq!(summary(&[trial], &NextInvoice::None)["trialEnd"], expected);
        }
    }
}
