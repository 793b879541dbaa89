//! Discounts of the next invoice. No I/O.

use serde::Serialize;
use shared::stripe::views::{Customer, Expandable, Subscription};
use shared::values::exact;
use shared::{Currency, DateTime, Money, Timestamp};

/// An entry of `discounts`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    /// The coupon's name, or its ID if it has none.
    name: String,
    /// Exact decimal, 25.5 for a quarter and a half percent.
    percent_off: Option<String>,
    /// Null for a percentage, and for an amount in another currency.
    amount_off: Option<Money>,
    ends_at: Option<DateTime>,
}

/// Returns the subscription's discounts, else the customer's, which applies only without those.
/// Source: <https://docs.stripe.com/billing/subscriptions/coupons#discount-precedence>.
pub fn discounts(
    subscription: Option<&Subscription>,
    customer: Option<&Customer>,
    currency: Currency,
) -> Vec<Discount> {
    let own = subscription.map(|subscription| subscription.discounts.as_slice());
    let own = own.unwrap_or_default().iter().filter_map(Expandable::object);
    let mut discounts: Vec<_> = own.collect();
    if discounts.is_empty() {
        discounts.extend(customer.and_then(|customer| customer.discount.as_ref()));
    }
    let shown = |discount: &shared::stripe::views::Discount| {
        let coupon = discount.source.coupon.as_ref()?.object()?;
        let amount = coupon.amount_off.filter(|_| coupon.currency == Some(currency));
        Some(Discount {
            name: coupon.name.clone().unwrap_or_else(|| coupon.id.clone()),
            percent_off: coupon.percent_off.map(exact),
            amount_off: amount.map(|minor| Money::new(minor, currency)),
            ends_at: discount.end.map(Timestamp::date_time),
        })
    };
    discounts.into_iter().filter_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    fn discount(coupon: &Value, end: &Value) -> Value {
        json!({ "id": "di_1", "end": end, "source": { "type": "coupon", "coupon": coupon } })
    }

    #[test]
    fn subscriptions_discounts_precede_the_customers() {
        let percent = discount(
            &json!({ "id": "half", "name": "Half", "percent_off": 50.0 }),
            &json!(1_782_639_000),
        );
        let amount =
            discount(&json!({ "id": "five", "amount_off": 500, "currency": "usd" }), &Value::Null);
        let euros =
            discount(&json!({ "id": "euros", "amount_off": 500, "currency": "eur" }), &Value::Null);
        let half = json!({ "name": "Half", "percentOff": "50", "amountOff": null, "endsAt": "2026-06-28T09:30:00Z" });
        let five =
            json!({ "name": "five", "percentOff": null, "amountOff": "5.00", "endsAt": null });
        let other =
            json!({ "name": "euros", "percentOff": null, "amountOff": null, "endsAt": null });
        let cases = [
            (json!([]), Value::Null, json!([])),
            (json!([percent, amount]), euros.clone(), json!([half, five])),
            (json!([]), percent, json!([half])),
            (json!(["di_1"]), amount, json!([five])),
            (json!([euros]), Value::Null, json!([other])),
        ];
        for (of_subscription, of_customer, expected) in cases {
            let subscription: Subscription = view(with(
                fixtures::subscription("sub_1", "active", &[]),
                &json!({ "discounts": of_subscription }),
            ));
            let customer: Customer =
                view(with(fixtures::customer("cus_1"), &json!({ "discount": of_customer })));
            let usd = "usd".parse().expect("a currency");
            let got = discounts(Some(&subscription), Some(&customer), usd);
            assert_eq!(serde_json::to_value(got).expect("serializes"), expected);
        }
    }
}
