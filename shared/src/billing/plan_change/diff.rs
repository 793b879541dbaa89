//! The items that a plan change swaps, adds and removes. No I/O.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::billing::catalog::{Metered, Offer, Tiers, meter_of, per_year};
use crate::billing::subscription::{Current, NotChangeable, Plan};
use crate::stripe::views::{Interval, Price, Subscription, SubscriptionItem, SubscriptionStatus};
use crate::values::fingerprint;

/// The change of one subscription item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemChange {
    /// ID of the item; none for a new one. Stripe adds a price that is sent without it, and bills both.
    pub id: Option<String>,
    pub price: Option<String>,
    /// Sent with every licensed price, because a new price resets the quantity to 1.
    pub quantity: Option<u64>,
    pub deleted: bool,
}

/// A plan change that is impossible, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no subscription")]
    NoSubscription,
    #[error("the subscription cannot be changed: {0:?}")]
    NotChangeable(NotChangeable),
    #[error("the plan is the current one")]
    AlreadyOnPlan,
}

/// The direction of a change by monthly base price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Upgrade,
    Downgrade,
    Lateral,
}

/// A plan change that is possible.
pub struct Change<'a> {
    pub subscription: &'a Subscription,
    pub from: Plan<'a>,
    pub to: &'a Offer,
    pub items: Vec<ItemChange>,
    /// Whether the change starts a new billing cycle.
    pub resets_cycle: bool,
}

impl<'a> Change<'a> {
    /// Plans the change of `current` to `to`.
    ///
    /// # Errors
    /// [`ChangeError`], in the order of its variants.
    pub fn of(
        current: Option<&Current<'a>>,
        tiers: &Tiers,
        to: &'a Offer,
    ) -> Result<Self, ChangeError> {
        let current = current.ok_or(ChangeError::NoSubscription)?;
        if let Some(reason) = current.not_changeable() {
            return Err(ChangeError::NotChangeable(reason));
        }
        let from = current.plan.ok_or(ChangeError::NotChangeable(NotChangeable::NotInCatalogue))?;
        if from.item.price.id == to.price {
            return Err(ChangeError::AlreadyOnPlan);
        }
        let subscription = current.subscription;
        let items = items(subscription, from, tiers, to);
        Ok(Self {
            subscription,
            from,
            to,
            items,
            resets_cycle: resets_cycle(subscription, from, to),
        })
    }

    /// Returns the direction.
    pub fn direction(&self) -> Direction {
        let to = per_year(self.to.amount.minor.into(), self.to.interval, 1);
        match to.cmp(&self.yearly_before()) {
            std::cmp::Ordering::Greater => Direction::Upgrade,
            std::cmp::Ordering::Less => Direction::Downgrade,
            std::cmp::Ordering::Equal => Direction::Lateral,
        }
    }

    fn yearly_before(&self) -> Decimal {
        let Price { amounts, recurring, .. } = &self.from.item.price;
        let amount = amounts.unit_amount_decimal.or(amounts.unit_amount.map(Decimal::from));
        let (interval, count) = recurring
            .as_ref()
            .map_or((Interval::Month, 1), |every| (every.interval, every.interval_count));
        per_year(amount.unwrap_or_default(), interval, count)
    }

    /// Returns the fingerprint of the current items.
    pub fn state(&self) -> String {
        state(self.subscription)
    }
}

/// Returns the fingerprint of a subscription's items: their IDs, prices and quantities.
pub fn state(subscription: &Subscription) -> String {
    let item = |item: &SubscriptionItem| {
        format!("{}:{}:{}", item.id, item.price.id, item.quantity.unwrap_or(0))
    };
    let mut items: Vec<_> = subscription.items.data.iter().map(item).collect();
    items.sort();
    fingerprint(items.iter().map(String::as_str))
}

/// Returns whether the change starts a new billing cycle: for another interval, and from free to paid.
///
/// Flexible billing mode keeps the cycle unless told otherwise, so a year would apply without being
/// collected. During a trial nothing is charged, and the trial keeps its end.
fn resets_cycle(subscription: &Subscription, from: Plan<'_>, to: &Offer) -> bool {
    let price = &from.item.price;
    let other_interval = price
        .recurring
        .as_ref()
        .is_none_or(|recurring| recurring.interval != to.interval || recurring.interval_count != 1);
    let from_free = price.amounts.unit_amount == Some(0) && to.amount.minor > 0;
    (other_interval || from_free) && subscription.status != SubscriptionStatus::Trialing
}

/// Returns the item changes. The base price is swapped in place, and so are metered prices, meter by
/// meter: an item that stays keeps its discounts and tax rates. Meters of one plan only are removed or
/// added. Add-ons stay unchanged.
fn items(
    subscription: &Subscription,
    from: Plan<'_>,
    tiers: &Tiers,
    to: &Offer,
) -> Vec<ItemChange> {
    let existing = &subscription.items.data;
    let mut changes = vec![ItemChange {
        id: Some(from.item.id.clone()),
        price: Some(to.price.clone()),
        quantity: Some(from.item.quantity.unwrap_or(1)),
        deleted: false,
    }];
    let is_there = |price: &str| existing.iter().any(|item| item.price.id == price);
    let mut missing: Vec<&Metered> =
        to.metered.iter().filter(|metered| !is_there(&metered.price)).collect();
    let of_a_plan = |item: &&SubscriptionItem| {
        item.id != from.item.id && tiers.of(item.price.product_id()).is_some()
    };
    let stays =
        |item: &SubscriptionItem| to.metered.iter().any(|metered| metered.price == item.price.id);
    for item in existing.iter().filter(of_a_plan).filter(|item| !stays(item)) {
        let meter = meter_of(&item.price);
        let successor = missing.iter().position(|metered| Some(&metered.meter) == meter);
        let price = successor.map(|at| missing.remove(at).price.clone());
        changes.push(ItemChange {
            id: Some(item.id.clone()),
            deleted: price.is_none(),
            price,
            quantity: None,
        });
    }
    changes.extend(
        missing.into_iter().map(|metered| ItemChange {
            price: Some(metered.price.clone()),
            ..ItemChange::default()
        }),
    );
    changes
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;
    use crate::values::Money;

    fn tiers() -> Tiers {
        let product = |tier| view(fixtures::product(&format!("prod_{tier}"), tier));
        Tiers::from_iter(&["hobby", "pro", "agency"].map(product))
    }

    fn offer(tier: &str, interval: Interval, minor: i64) -> Offer {
        let metered = |meter: &str| Metered {
            price: format!("price_{tier}_{}_{meter}", interval.as_str()),
            meter: meter.to_owned(),
            unit: None,
            included: 0.into(),
            unit_amount: 1.into(),
        };
        Offer {
            price: format!("price_{tier}_{}", interval.as_str()),
            tier: tier.to_owned(),
            name: tier.to_owned(),
            description: None,
            interval,
            amount: Money::new(minor, "usd".parse().unwrap()),
            metered: vec![metered("cpu"), metered("ram")],
        }
    }

    /// Returns a subscription with usage, three seats and an add-on.
    fn subscription(tier: &str, interval: &str, minor: i64, status: &str) -> Subscription {
        let product = format!("prod_{tier}");
        let item = |id: &str, price: &str, product: &str, usage: &str, quantity: Value| {
            let change = json!({
                "unit_amount": minor, "unit_amount_decimal": minor.to_string(),
                "recurring": { "interval": interval, "interval_count": 1, "usage_type": usage },
                "metadata": id.strip_prefix("si_").map(|name| json!({ "cantila_meter": name })),
            });
            let price = with(fixtures::price(price, product, usage), &change);
            with(fixtures::item(id, &price), &json!({ "quantity": quantity }))
        };
        let items = [
            item("si_ip", "price_ip", "prod_ip", "licensed", json!(2)),
            item(
                "si_cpu",
                &format!("price_{tier}_{interval}_cpu"),
                &product,
                "metered",
                Value::Null,
            ),
            item(
                "si_disk",
                &format!("price_{tier}_{interval}_disk"),
                &product,
                "metered",
                Value::Null,
            ),
            item("si_base", &format!("price_{tier}_{interval}"), &product, "licensed", json!(3)),
        ];
        view(fixtures::subscription("sub_1", status, &items))
    }

    fn change<T>(
        subscription: Subscription,
        to: &Offer,
        read: impl Fn(&Change<'_>) -> T,
    ) -> Result<T, ChangeError> {
        let (subscriptions, tiers) = ([subscription], tiers());
        let current = Current::of(&subscriptions, &tiers);
        Change::of(current.as_ref(), &tiers, to).map(|change| read(&change))
    }

    #[test]
    fn prices_are_swapped_in_place_meter_by_meter_and_add_ons_stay() {
        let items = change(
            subscription("pro", "month", 3_500, "active"),
            &offer("agency", Interval::Month, 9_900),
            |change| change.items.clone(),
        );
        let metered = |id: Option<&str>, meter: &str| ItemChange {
            id: id.map(str::to_owned),
            price: Some(format!("price_agency_month_{meter}")),
            ..ItemChange::default()
        };
        let expected = [
            ItemChange {
                id: Some("si_base".to_owned()),
                price: Some("price_agency_month".to_owned()),
                quantity: Some(3),
                deleted: false,
            },
            metered(Some("si_cpu"), "cpu"),
            ItemChange { id: Some("si_disk".to_owned()), deleted: true, ..ItemChange::default() },
            metered(None, "ram"),
        ];
        assert_eq!(items.unwrap(), expected);
    }

    #[test]
    fn a_metered_price_that_both_plans_have_stays() {
        let mut to = offer("agency", Interval::Month, 9_900);
        to.metered[0].price = "price_pro_month_cpu".to_owned();
        let items = change(subscription("pro", "month", 3_500, "active"), &to, |change| {
            change.items.clone()
        })
        .unwrap();
        let prices: Vec<_> =
            items.iter().map(|item| (item.price.as_deref(), item.deleted)).collect();
        assert_eq!(
            prices,
            [
                (Some("price_agency_month"), false),
                (None, true),
                (Some("price_agency_month_ram"), false)
            ]
        );
    }

    #[test]
    fn direction_counts_the_intervals_of_the_current_price() {
        // 30.00, 32.61 and 25.00 a month; then 35.01.
        let cases = [
            (9_000, "month", 3, Direction::Upgrade),
            (1_500, "week", 2, Direction::Upgrade),
            (60_000, "year", 2, Direction::Upgrade),
            (115, "day", 1, Direction::Downgrade),
        ];
        let pro = offer("pro", Interval::Month, 3_500);
        for (minor, interval, count, expected) in cases {
            let mut legacy = subscription("agency", interval, minor, "active");
            for item in &mut legacy.items.data {
                item.price.recurring.as_mut().unwrap().interval_count = count;
            }
            let got =
                change(legacy, &pro, |change| (change.direction(), change.resets_cycle)).unwrap();
            assert_eq!(got, (expected, true), "{minor} every {count} {interval}");
        }
    }

    #[test]
    fn a_new_period_starts_with_another_interval_and_from_free_to_paid() {
        let (pro, year, free) = (
            offer("pro", Interval::Month, 3_500),
            offer("agency", Interval::Year, 99_000),
            offer("hobby", Interval::Month, 0),
        );
        let cases = [
            (subscription("agency", "month", 9_900, "active"), &pro, false, Direction::Downgrade),
            (subscription("pro", "month", 3_500, "active"), &year, true, Direction::Upgrade),
            (subscription("hobby", "month", 0, "active"), &pro, true, Direction::Upgrade),
            (subscription("hobby", "month", 0, "trialing"), &pro, false, Direction::Upgrade),
            (subscription("pro", "month", 3_500, "trialing"), &year, false, Direction::Upgrade),
            (subscription("pro", "month", 3_500, "active"), &free, false, Direction::Downgrade),
            (subscription("agency", "month", 3_500, "active"), &pro, false, Direction::Lateral),
            (subscription("agency", "year", 42_000, "active"), &pro, true, Direction::Lateral),
        ];
        for (subscription, to, resets, direction) in cases {
            let name = format!("{} {}", subscription.items.data[3].price.id, to.price);
            let got = change(subscription, to, |change| (change.resets_cycle, change.direction()));
            assert_eq!(got, Ok((resets, direction)), "{name}");
        }
    }

    #[test]
    fn impossible_change_is_refused_with_its_reason() {
        let pro = offer("pro", Interval::Month, 3_500);
        let on_pro =
            |status: &str| change(subscription("pro", "month", 3_500, status), &pro, |_| ());
        assert_eq!(on_pro("active"), Err(ChangeError::AlreadyOnPlan));
        assert_eq!(on_pro("past_due"), Err(ChangeError::NotChangeable(NotChangeable::Overdue)));
        assert_eq!(on_pro("canceled"), Err(ChangeError::NoSubscription));
        assert_eq!(
            change(subscription("pro", "year", 35_000, "active"), &pro, |_| ()),
            Ok(()),
            "the same plan by the month"
        );
        let mut old = subscription("pro", "month", 3_000, "active");
        old.items.data[3].price.id = "price_of_before".to_owned();
        assert_eq!(change(old, &pro, |_| ()), Ok(()), "the same plan at the price of today");
    }
}
