//! Plans as the response lists them. No I/O.

use serde::Serialize;
use shared::billing::catalog::{FREE_TIER, Metered, Offer};
use shared::billing::price::{Every, OwnPrice};
use shared::billing::subscription::Current;
use shared::stripe::views::{Interval, Tier, TiersMode};
use shared::values::{exact, unit_price};
use shared::{Currency, Money};

/// A plan that is offered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    plan: String,
    name: String,
    description: Option<String>,
    interval: &'static str,
    every: Every,
    currency: Currency,
    amount: Money,
    /// Null unless the account pays another amount, or the same one at another interval.
    your_amount: Option<Money>,
    /// Null unless the account pays at another interval.
    your_every: Option<Every>,
    metered: Vec<Usage>,
    current: bool,
}

/// A metered price. Amounts are exact decimals in major units.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    meter: String,
    unit: Option<String>,
    included: Option<String>,
    unit_amount: Option<String>,
    per: u64,
    tiers_mode: Option<TiersMode>,
    tiers: Vec<UsageTier>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageTier {
    up_to: Option<String>,
    unit_amount: Option<String>,
    flat_amount: Option<String>,
}

/// Returns the plans in the order of `offers`. `current` is the current subscription.
pub fn list(offers: &[Offer], current: Option<&Current<'_>>) -> Vec<Plan> {
    let own = current.and_then(Current::own_price);
    let is_current = |offer: &Offer| match (current, &own) {
        (None, _) => (offer.tier.as_str(), offer.interval) == (FREE_TIER, Interval::Month),
        (Some(_), own) => own.as_ref().is_some_and(|own| offer.is_on(own)),
    };
    offers.iter().map(|offer| plan(offer, own.as_ref(), is_current(offer))).collect()
}

/// Returns the entry of an offer. `own` is the account's base price, `current` whether it is on the offer.
fn plan(offer: &Offer, own: Option<&OwnPrice>, current: bool) -> Plan {
    let every = offer.shape.every;
    let own = own.filter(|_| current);
    let pays = own.and_then(|own| Some((own.amount()?, own.shape.every)));
    let differing = pays.filter(|pays| *pays != (offer.amount, every));
    Plan {
        plan: offer.tier.clone(),
        name: offer.name.clone(),
        description: offer.description.clone(),
        interval: offer.interval.as_str(),
        every,
        currency: offer.amount.currency,
        amount: offer.amount,
        your_amount: differing.map(|(amount, _)| amount),
        your_every: differing.map(|(_, own)| own).filter(|own| *own != every),
        metered: offer.metered.iter().map(usage).collect(),
        current,
    }
}

fn usage(metered: &Metered) -> Usage {
    let shape = &metered.shape;
    let allowance = shape.allowance();
    let tiers = shape.tiers();
    Usage {
        meter: metered.meter.clone(),
        unit: metered.unit.clone(),
        included: allowance.map(|(included, _)| exact(included)),
        unit_amount: allowance.and_then(|(_, unit)| unit_price(unit, shape.currency)),
        per: shape.per(),
        tiers_mode: tiers.map(|(mode, _)| mode),
        tiers: tiers
            .into_iter()
            .flat_map(|(_, tiers)| tiers)
            .map(|tier| usage_tier(tier, shape.currency))
            .collect(),
    }
}

fn usage_tier(tier: &Tier, currency: Currency) -> UsageTier {
    let amount = |minor| unit_price(minor, currency);
    UsageTier {
        up_to: tier.up_to.map(exact),
        unit_amount: tier.unit_amount_decimal.and_then(amount),
        flat_amount: tier.flat_amount_decimal.and_then(amount),
    }
}

#[cfg(test)]
pub mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};
    use shared::billing::catalog::Tiers;
    use shared::billing::price::PriceShape;
    use shared::stripe::views::Subscription;

    use super::*;

    fn usd() -> Currency {
        "usd".parse().expect("a currency")
    }

    fn price(fields: &Value) -> Value {
        with(fixtures::price("price_1", "prod_pro", "licensed"), fields)
    }

    fn shape(fields: &Value) -> PriceShape {
        PriceShape::of(&view(price(fields)), usd()).expect("a complete price")
    }

    fn every(count: u32, unit: &str) -> Value {
        json!({ "recurring": { "interval": unit, "interval_count": count, "usage_type": "licensed" } })
    }

    pub fn offer(tier: &str, interval: Interval, minor: i64, metered: &[Value]) -> Offer {
        let amount = json!({ "unit_amount_decimal": minor.to_string() });
        let usage = |fields: &Value| Metered {
            price: "price_cpu".to_owned(),
            meter: "cpu".to_owned(),
            unit: Some("vCore-hour".to_owned()),
            shape: shape(fields),
        };
        Offer {
            price: "price_1".to_owned(),
            tier: tier.to_owned(),
            name: tier.to_uppercase(),
            description: None,
            interval,
            amount: Money::new(minor, usd()),
            shape: shape(&with(amount, &every(1, interval.as_str()))),
            metered: metered.iter().map(usage).collect(),
        }
    }

    /// Returns the plans for an account with a subscription to this base price of pro.
    fn listed(offers: &[Offer], own: Option<(&Value, Option<u64>)>) -> Value {
        let tiers = Tiers::from_iter(&[view(fixtures::product("prod_pro", "pro"))]);
        let subscription = own.map(|(fields, quantity)| -> Subscription {
            let item =
                with(fixtures::item("si_1", &price(fields)), &json!({ "quantity": quantity }));
            view(fixtures::subscription("sub_1", "active", &[item]))
        });
        let current = Current::of(subscription.as_slice(), &tiers);
        serde_json::to_value(list(offers, current.as_ref())).expect("serializes")
    }

    #[test]
    fn plan_has_all_fields() {
        let package = json!({
            "unit_amount_decimal": "200", "transform_quantity": { "divide_by": 1000, "round": "up" },
        });
        let offers = [offer("pro", Interval::Year, 35_000, &[package])];
        let expected = json!([{
            "plan": "pro", "name": "PRO", "description": null, "interval": "year",
            "every": { "count": 1, "unit": "year" }, "currency": "USD", "amount": "350.00",
            "yourAmount": "900.00", "yourEvery": null, "current": true,
            "metered": [{
                "meter": "cpu", "unit": "vCore-hour", "included": "0", "unitAmount": "0.002",
                "per": 1000, "tiersMode": null, "tiers": [],
            }],
        }]);
        let own = with(json!({ "unit_amount_decimal": "30000" }), &every(1, "year"));
        assert_eq!(listed(&offers, Some((&own, Some(3)))), expected);
    }

    #[test]
    fn usage_has_allowance_and_unit_amount_where_they_describe_it() {
        let tier = |up_to: Option<u32>, unit: Option<&str>, flat: Option<&str>| json!({ "up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": flat });
        let shown = |up_to: Option<&str>, unit: Option<&str>, flat: Option<&str>| json!({ "upTo": up_to, "unitAmount": unit, "flatAmount": flat });
        let tiered = |mode: &str, tiers: [Value; 2]| json!({ "tiers_mode": mode, "unit_amount_decimal": null, "tiers": tiers });
        let none = Value::Null;
        let cases = [
            (json!({ "unit_amount_decimal": "1.2" }), json!(["0", "0.012", 1, none, []])),
            (
                json!({ "unit_amount_decimal": "50", "transform_quantity": { "divide_by": 3, "round": "down" } }),
                json!(["0", "0.1666666666666666666666666667", 3, none, []]),
            ),
            (
                tiered(
                    "graduated",
                    [tier(Some(100), Some("0"), None), tier(None, Some("1.2"), None)],
                ),
                json!([
                    "100",
                    "0.012",
                    1,
                    "graduated",
                    [shown(Some("100"), Some("0"), None), shown(None, Some("0.012"), None)]
                ]),
            ),
            (
                tiered(
                    "volume",
                    [tier(Some(10), None, Some("9900")), tier(None, Some("5"), Some("0"))],
                ),
                json!([
                    none,
                    none,
                    1,
                    "volume",
                    [shown(Some("10"), None, Some("99")), shown(None, Some("0.05"), Some("0"))]
                ]),
            ),
        ];
        for (fields, expected) in cases {
            let plans = listed(
                &[offer("pro", Interval::Month, 3_500, std::slice::from_ref(&fields))],
                None,
            );
            let usage = &plans[0]["metered"][0];
            let got = ["included", "unitAmount", "per", "tiersMode", "tiers"]
                .map(|field| usage[field].clone());
            assert_eq!(json!(got), expected, "{fields}");
        }
    }

    #[test]
    fn account_sees_what_it_pays_where_that_is_not_the_listed_amount() {
        let offers = [
            offer("pro", Interval::Month, 3_500, &[]),
            offer("pro", Interval::Year, 35_000, &[]),
            offer("agency", Interval::Month, 9_900, &[]),
        ];
        let amount = |minor: &str| json!({ "unit_amount_decimal": minor });
        let volume = json!({
            "tiers_mode": "volume", "unit_amount_decimal": null,
            "tiers": [{ "up_to": null, "unit_amount_decimal": "1200.5", "flat_amount_decimal": "500" }],
        });
        let quarter = json!({ "count": 3, "unit": "month" });
        let none = Value::Null;
        let usage = json!({ "recurring": { "interval": "month", "interval_count": 1, "usage_type": "metered" } });
        // Own price, its quantity; index of the current entry, yourAmount, yourEvery.
        let cases = [
            (amount("3500"), Some(1), Some(0), none.clone(), none.clone()),
            (amount("3500"), Some(3), Some(0), json!("105.00"), none.clone()),
            (amount("3000"), Some(1), Some(0), json!("30.00"), none.clone()),
            (amount("3500.4"), Some(1), Some(0), none.clone(), none.clone()),
            (volume, Some(2), Some(0), json!("29.01"), none.clone()),
            (
                with(amount("9000"), &every(3, "month")),
                Some(1),
                Some(0),
                json!("90.00"),
                quarter.clone(),
            ),
            (with(amount("3500"), &every(3, "month")), Some(1), Some(0), json!("35.00"), quarter),
            (
                with(amount("35000"), &every(1, "year")),
                Some(1),
                Some(1),
                none.clone(),
                none.clone(),
            ),
            (with(amount("1500"), &every(2, "week")), Some(1), None, none.clone(), none.clone()),
            // The plan's only item bills usage.
            (usage, None, Some(0), json!("0.00"), none),
        ];
        for (own, quantity, at, amount, every) in cases {
            let plans = listed(&offers, Some((&own, quantity)));
            for (index, plan) in plans.as_array().expect("a list").iter().enumerate() {
                let is_current = at == Some(index);
                let got = [&plan["current"], &plan["yourAmount"], &plan["yourEvery"]];
                let pays = |value: &Value| if is_current { value.clone() } else { Value::Null };
                assert_eq!(
                    json!(got),
                    json!([is_current, pays(&amount), pays(&every)]),
                    "{index} of {own}"
                );
            }
        }
    }

    #[test]
    fn monthly_hobby_plan_is_current_without_a_subscription() {
        let offers = [
            offer("hobby", Interval::Month, 0, &[]),
            offer("hobby", Interval::Year, 0, &[]),
            offer("pro", Interval::Month, 3_500, &[]),
        ];
        let plans = listed(&offers, None);
        let current: Vec<_> =
            plans.as_array().expect("a list").iter().map(|plan| &plan["current"]).collect();
        assert_eq!(json!(current), json!([true, false, false]));
    }
}
