//! The items that a plan change swaps, adds and removes. No I/O.

use serde::{Deserialize, Serialize};

use super::direction::Direction;
use super::effective::Effective;
use super::limits::ChangeLimits;
use crate::billing::catalog::{Metered, Offer, Tiers, meter_of};
use crate::billing::payment::Payment;
use crate::billing::price::{Every, OwnPrice};
use crate::billing::subscription::{Current, NotChangeable, Plan};
use crate::stripe::views::{BillingModeKind, Subscription, SubscriptionItem, SubscriptionStatus};
use crate::values::{Timestamp, fingerprint};

/// The change of one subscription item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The plan was changed too often in this period, which ends then.
    #[error("the plan was changed too often")]
    TooMany(Timestamp),
}

/// A plan change that is possible.
pub struct Change<'a> {
    pub subscription: &'a Subscription,
    pub from: Plan<'a>,
    own: OwnPrice,
    pub to: &'a Offer,
    /// The items of the first update, which is paid for.
    pub items: Vec<ItemChange>,
    /// The items of the second update: metered prices. None if the first one has them all, because Stripe bills the usage
    /// at once when the billing cycle starts anew, and never during a trial.
    pub meters: Vec<ItemChange>,
    /// Whether the change starts a new billing cycle now.
    pub resets_cycle: bool,
    pub effective: Effective,
}

impl<'a> Change<'a> {
    /// Plans the change of `current` to `to`. `payment` is that of the latest invoice.
    ///
    /// # Errors
    /// [`ChangeError`], in the order of its variants.
    pub fn of(
        current: Option<&Current<'a>>,
        payment: &Payment,
        tiers: &Tiers,
        to: &'a Offer,
        limits: ChangeLimits,
        effective: Effective,
    ) -> Result<Self, ChangeError> {
        let current = current.ok_or(ChangeError::NoSubscription)?;
        if let Some(reason) = current.not_changeable(payment) {
            return Err(ChangeError::NotChangeable(reason));
        }
        let plan = current.plan.zip(current.own_price());
        let (from, own) = plan.ok_or(ChangeError::NotChangeable(NotChangeable::NotInCatalogue))?;
        if from.item.price.id == to.price {
            return Err(ChangeError::AlreadyOnPlan);
        }
        let subscription = current.subscription;
        let (mut items, mut meters) = items(subscription, from, tiers, to);
        if is_classic(subscription) && meters.iter().any(|change| change.id.is_some()) {
            return Err(ChangeError::NotChangeable(NotChangeable::ClassicBilling));
        }
        let at_period_end = effective == Effective::PeriodEnd;
        if at_period_end && has_mixed_intervals(subscription) {
            return Err(ChangeError::NotChangeable(NotChangeable::MixedIntervals));
        }
        let resets_cycle = !at_period_end && resets_cycle(subscription, &own, to);
        let is_trial = subscription.status == SubscriptionStatus::Trialing;
        if resets_cycle || is_trial || at_period_end {
            items.append(&mut meters);
        }
        let change = Self { subscription, from, own, to, items, meters, resets_cycle, effective };
        if at_period_end {
            // It starts no new allowance before the old one ends.
            return Ok(change);
        }
        if !limits.allow_now(change.direction()) {
            return Err(ChangeError::NotChangeable(NotChangeable::DowngradeAtPeriodEnd));
        }
        match limits.retry_at(subscription) {
            Some(retry_at) => Err(ChangeError::TooMany(retry_at)),
            None => Ok(change),
        }
    }

    /// Returns the items of both updates.
    pub fn all_items(&self) -> impl Iterator<Item = &ItemChange> {
        self.items.iter().chain(&self.meters)
    }

    /// Returns the direction.
    pub fn direction(&self) -> Direction {
        match self.to.shape.monthly(self.own.quantity).cmp(&self.own.monthly()) {
            std::cmp::Ordering::Greater => Direction::Upgrade,
            std::cmp::Ordering::Less => Direction::Downgrade,
            std::cmp::Ordering::Equal => Direction::Lateral,
        }
    }

    /// Returns whether the new plan is billed at another interval.
    pub fn changes_interval(&self) -> bool {
        self.own.shape.every != self.to.shape.every
    }

    /// Returns the end of the current period, or of the trial.
    pub fn period_end(&self) -> Timestamp {
        self.from.item.current_period_end
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
fn resets_cycle(subscription: &Subscription, own: &OwnPrice, to: &Offer) -> bool {
    let is_other_interval = own.shape.every != to.shape.every;
    let starts_to_pay = own.monthly().is_zero() && !to.shape.monthly(own.quantity).is_zero();
    (is_other_interval || starts_to_pay) && subscription.status != SubscriptionStatus::Trialing
}

/// Returns whether the items' periods differ in length or end.
fn has_mixed_intervals(subscription: &Subscription) -> bool {
    let mut periods = subscription
        .items
        .data
        .iter()
        .map(|item| (Every::of(&item.price), item.current_period_end));
    let first = periods.next();
    periods.any(|period| Some(period) != first)
}

/// Returns whether Stripe never bills the usage of a metered price that is replaced.
fn is_classic(subscription: &Subscription) -> bool {
    let mode = subscription.billing_mode.as_ref();
    mode.is_some_and(|mode| mode.kind == BillingModeKind::Classic)
}

/// Returns the item changes: those of licensed prices, then those of metered ones. The base price is swapped in place, and
/// so are metered prices, meter by meter: an item that stays keeps its discounts and tax rates. Meters of one plan only
/// are removed or added. Add-ons stay unchanged.
fn items(
    subscription: &Subscription,
    from: Plan<'_>,
    tiers: &Tiers,
    to: &Offer,
) -> (Vec<ItemChange>, Vec<ItemChange>) {
    let existing = &subscription.items.data;
    let mut licensed = vec![ItemChange {
        id: Some(from.item.id.clone()),
        price: Some(to.price.clone()),
        quantity: Some(from.item.quantity.unwrap_or(1)),
        deleted: false,
    }];
    let mut meters = Vec::new();
    let is_there = |price: &str| existing.iter().any(|item| item.price.id == price);
    let mut missing: Vec<&Metered> =
        to.metered.iter().filter(|metered| !is_there(&metered.price)).collect();
    let of_a_plan =
        |item: &&SubscriptionItem| item.id != from.item.id && tiers.of(&item.price).is_some();
    let stays =
        |item: &SubscriptionItem| to.metered.iter().any(|metered| metered.price == item.price.id);
    for item in existing.iter().filter(of_a_plan).filter(|item| !stays(item)) {
        let meter = meter_of(&item.price);
        let successor = missing.iter().position(|metered| Some(&metered.meter) == meter);
        let price = successor.map(|at| missing.remove(at).price.clone());
        let changes = if item.price.is_metered() { &mut meters } else { &mut licensed };
        changes.push(ItemChange {
            id: Some(item.id.clone()),
            deleted: price.is_none(),
            price,
            quantity: None,
        });
    }
    meters.extend(
        missing.into_iter().map(|metered| ItemChange {
            price: Some(metered.price.clone()),
            ..ItemChange::default()
        }),
    );
    (licensed, meters)
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;
    use crate::billing::price::PriceShape;
    use crate::stripe::views::Interval;
    use crate::values::{Currency, Money};

    fn tiers() -> Tiers {
        let product = |tier| view(fixtures::product(&format!("prod_{tier}"), tier));
        Tiers::from_iter(&["hobby", "pro", "agency"].map(product))
    }

    /// Returns the shape of a price with these fields.
    fn shape(fields: &Value) -> PriceShape {
        let price = view(with(fixtures::price("price_1", "prod_1", "licensed"), fields));
        PriceShape::of(&price, usd()).unwrap()
    }

    fn usd() -> Currency {
        "usd".parse().unwrap()
    }

    fn per(interval: &str, count: u32, minor: i64) -> Value {
        json!({
            "unit_amount_decimal": minor.to_string(),
            "recurring": { "interval": interval, "interval_count": count, "usage_type": "licensed" },
        })
    }

    fn offer(tier: &str, interval: Interval, minor: i64) -> Offer {
        let metered = |meter: &str| Metered {
            price: format!("price_{tier}_{}_{meter}", interval.as_str()),
            meter: meter.to_owned(),
            unit: None,
            shape: shape(&per(interval.as_str(), 1, 1)),
        };
        Offer {
            price: format!("price_{tier}_{}", interval.as_str()),
            tier: tier.to_owned(),
            name: tier.to_owned(),
            description: None,
            interval,
            amount: Money::new(minor, usd()),
            shape: shape(&per(interval.as_str(), 1, minor)),
            metered: vec![metered("cpu"), metered("ram")],
        }
    }

    /// Returns a subscription with usage, three seats and an add-on.
    fn subscription(tier: &str, interval: &str, minor: i64, status: &str) -> Subscription {
        let product = format!("prod_{tier}");
        let item = |id: &str, price: &str, product: &str, usage: &str, quantity: Value| {
            let change = json!({
                "unit_amount_decimal": minor.to_string(),
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
        let limits = ChangeLimits::default();
        Change::of(current.as_ref(), &Payment::None, &tiers, to, limits, Effective::Now)
            .map(|change| read(&change))
    }

    fn items_of_both_updates(change: &Change<'_>) -> (Vec<ItemChange>, Vec<ItemChange>) {
        (change.items.clone(), change.meters.clone())
    }

    #[test]
    fn prices_are_swapped_in_place_meter_by_meter_and_add_ons_stay() {
        let agency = offer("agency", Interval::Month, 9_900);
        let of_status = |status: &str| {
            change(subscription("pro", "month", 3_500, status), &agency, items_of_both_updates)
        };
        let metered = |id: Option<&str>, meter: &str| ItemChange {
            id: id.map(str::to_owned),
            price: Some(format!("price_agency_month_{meter}")),
            ..ItemChange::default()
        };
        let base = ItemChange {
            id: Some("si_base".to_owned()),
            price: Some("price_agency_month".to_owned()),
            quantity: Some(3),
            deleted: false,
        };
        let meters = vec![
            metered(Some("si_cpu"), "cpu"),
            ItemChange { id: Some("si_disk".to_owned()), deleted: true, ..ItemChange::default() },
            metered(None, "ram"),
        ];
        assert_eq!(of_status("active"), Ok((vec![base.clone()], meters.clone())));
        // A trial bills no usage, and a new billing cycle bills it at once.
        let all = || [std::slice::from_ref(&base), &meters[..]].concat();
        assert_eq!(of_status("trialing"), Ok((all(), vec![])));
        let to_year = change(
            subscription("pro", "month", 3_500, "active"),
            &offer("agency", Interval::Year, 99_000),
            items_of_both_updates,
        );
        let (items, meters) = to_year.unwrap();
        assert_eq!((items.len(), meters), (4, vec![]));
    }

    #[test]
    fn usage_that_classic_billing_would_lose_is_not_replaced() {
        let agency = offer("agency", Interval::Month, 9_900);
        let classic = |items: &[usize]| {
            let mut subscription = subscription("pro", "month", 3_500, "active");
            subscription.billing_mode = Some(view(json!({ "type": "classic", "flexible": null })));
            let all = std::mem::take(&mut subscription.items.data);
            let kept = all.into_iter().enumerate().filter(|(at, _)| items.contains(at));
            subscription.items.data = kept.map(|(_, item)| item).collect();
            change(subscription, &agency, |_| ())
        };
        let refused = Err(ChangeError::NotChangeable(NotChangeable::ClassicBilling));
        assert_eq!(classic(&[0, 1, 3]), refused);
        assert_eq!(classic(&[0, 3]), Ok(()));
    }

    #[test]
    fn change_at_the_periods_end_swaps_all_prices_at_once_and_has_no_limits() {
        let hobby = offer("hobby", Interval::Month, 0);
        let year = offer("agency", Interval::Year, 99_000);
        let plan = |mut subscription: Subscription, to: &Offer, mixed: bool| {
            if mixed {
                let item = &mut subscription.items.data[0];
                item.price.recurring.as_mut().unwrap().interval = Interval::Year;
            }
            let (subscriptions, tiers) = ([subscription], tiers());
            let current = Current::of(&subscriptions, &tiers);
            let limits = ChangeLimits { changes_per_period: 0, downgrades_now: false };
            let effective = Effective::PeriodEnd;
            let change =
                Change::of(current.as_ref(), &Payment::None, &tiers, to, limits, effective)?;
            let counts = (change.items.len(), change.meters.len());
            Ok((counts, change.resets_cycle, change.changes_interval()))
        };
        let own = || subscription("pro", "month", 3_500, "active");
        assert_eq!(plan(own(), &hobby, false), Ok(((4, 0), false, false)));
        assert_eq!(plan(own(), &year, false), Ok(((4, 0), false, true)));
        let mixed = ChangeError::NotChangeable(NotChangeable::MixedIntervals);
        assert_eq!(plan(own(), &hobby, true), Err(mixed));
    }

    #[test]
    fn operators_limits_are_checked_last() {
        let (pro, agency) =
            (offer("pro", Interval::Month, 3_500), offer("agency", Interval::Month, 9_900));
        let mut often = subscription("pro", "month", 3_500, "active");
        let until = often.items.data[0].current_period_end;
        often.metadata.insert("cantila_changes".to_owned(), "3 until 4102444800".to_owned());
        often.test_clock = Some(view(json!({ "id": "clock_1", "frozen_time": until.seconds() })));
        let check = |to: &Offer, changes_per_period, downgrades_now| {
            let (subscriptions, tiers) = ([often.clone()], tiers());
            let current = Current::of(&subscriptions, &tiers);
            let limits = ChangeLimits { changes_per_period, downgrades_now };
            Change::of(current.as_ref(), &Payment::None, &tiers, to, limits, Effective::Now)
                .map(drop)
        };
        let too_many = Err(ChangeError::TooMany(Timestamp::try_from(4_102_444_800).unwrap()));
        let later = Err(ChangeError::NotChangeable(NotChangeable::DowngradeAtPeriodEnd));
        let free = offer("hobby", Interval::Month, 0);
        assert_eq!(check(&agency, 4, false), Ok(()));
        assert_eq!(check(&agency, 3, true), too_many);
        assert_eq!(check(&free, 4, true), Ok(()));
        assert_eq!(check(&free, 3, false), later);
        assert_eq!(check(&pro, 3, false), Err(ChangeError::AlreadyOnPlan));
    }

    /// The meters of the target have products of their own. The subscription's metered prices are on the
    /// plan's product, as in older catalogs, or on the meters' products.
    #[test]
    fn metered_prices_of_both_layouts_are_swapped_and_usage_add_ons_stay() {
        let to = offer("agency", Interval::Month, 9_900);
        for (product, metadata) in [
            ("prod_pro", json!({ "cantila_meter": "cpu" })),
            ("prod_cpu", json!({ "cantila_meter": "cpu", "cantila_plan": "pro" })),
            ("prod_pro", json!({ "cantila_meter": "cpu", "cantila_plan": "hobby" })),
        ] {
            let mut from = subscription("pro", "month", 3_500, "active");
            let usage = &mut from.items.data[1].price;
            *usage = view(with(
                fixtures::price("price_old_cpu", product, "metered"),
                &json!({ "metadata": metadata }),
            ));
            // Usage of a meter that no plan bills: neither its price nor its product names a plan.
            let addon = &mut from.items.data[2].price;
            *addon = view(with(
                fixtures::price("price_addon", "prod_disk", "metered"),
                &json!({ "metadata": { "cantila_meter": "disk" } }),
            ));
            let items = change(from, &to, |change| change.all_items().cloned().collect::<Vec<_>>());
            let items = items.unwrap();
            let changed: Vec<_> = items
                .iter()
                .map(|item| (item.id.as_deref(), item.price.as_deref(), item.deleted))
                .collect();
            let expected = [
                (Some("si_base"), Some("price_agency_month"), false),
                (Some("si_cpu"), Some("price_agency_month_cpu"), false),
                (None, Some("price_agency_month_ram"), false),
            ];
            assert_eq!(changed, expected, "{product} {metadata}");
        }
    }

    #[test]
    fn a_metered_price_that_both_plans_have_stays() {
        let mut to = offer("agency", Interval::Month, 9_900);
        to.metered[0].price = "price_pro_month_cpu".to_owned();
        let items = change(subscription("pro", "month", 3_500, "active"), &to, |change| {
            change.all_items().cloned().collect::<Vec<_>>()
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

    /// Returns direction and reset of a change from the base price `from` to the base price `to`.
    fn compare(quantity: u64, from: &Value, to: &Value) -> (Direction, bool) {
        let mut subscription = subscription("agency", "month", 9_900, "active");
        let base = &mut subscription.items.data[3];
        base.quantity = Some(quantity);
        base.price = view(with(fixtures::price("price_old", "prod_agency", "licensed"), from));
        let to = Offer { shape: shape(to), ..offer("pro", Interval::Month, 3_500) };
        change(subscription, &to, |change| (change.direction(), change.resets_cycle)).unwrap()
    }

    #[test]
    fn direction_compares_monthly_amounts() {
        use Direction::{Downgrade, Lateral, Upgrade};
        let tier = |up_to: Option<u32>, unit: &str, flat: Option<&str>| json!({ "up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": flat });
        let tiered = |mode: &str| {
            json!({
                "tiers_mode": mode, "unit_amount_decimal": null,
                "tiers": [tier(Some(2), "4000", None), tier(None, "2000", Some("500"))],
            })
        };
        let package = json!({
            "unit_amount_decimal": "10000", "transform_quantity": { "divide_by": 5, "round": "up" },
        });
        let pro = per("month", 1, 3_500);
        let cases = [
            // 30.00, 32.61 and 25.00 a month; then 35.01.
            (1, per("month", 3, 9_000), &pro, Upgrade, true),
            (1, per("week", 2, 1_500), &pro, Upgrade, true),
            (1, per("year", 2, 60_000), &pro, Upgrade, true),
            (1, per("day", 1, 115), &pro, Downgrade, true),
            (1, pro.clone(), &per("month", 3, 10_500), Lateral, true),
            (1, per("month", 3, 10_500), &per("month", 3, 10_500), Lateral, false),
            // Graduated, 1 and 2 seats: 40.00 each; the third one 20.00 and the flat fee of 5.00.
            (2, tiered("graduated"), &pro, Downgrade, false),
            (3, tiered("graduated"), &pro, Lateral, false),
            (4, tiered("graduated"), &pro, Upgrade, false),
            // Volume: 80.00 for 2 seats, 65.00 for 3.
            (2, tiered("volume"), &pro, Downgrade, false),
            (3, tiered("volume"), &pro, Upgrade, false),
            (3, pro.clone(), &tiered("volume"), Downgrade, false),
            // A package of five costs 100.00.
            (2, package.clone(), &pro, Downgrade, false),
            (3, package.clone(), &pro, Upgrade, false),
            (6, package, &pro, Upgrade, false),
            // Free seats, and half a cent.
            (3, per("month", 1, 0), &tiered("volume"), Upgrade, true),
            (3, json!({ "unit_amount_decimal": "0.5" }), &per("month", 1, 1), Upgrade, false),
            (3, json!({ "unit_amount_decimal": "0.5" }), &per("month", 1, 0), Downgrade, false),
        ];
        for (quantity, from, to, direction, resets) in cases {
            let got = compare(quantity, &from, to);
            assert_eq!(got, (direction, resets), "{quantity} of {from} to {to}");
        }
    }

    #[test]
    fn direction_is_in_the_subscriptions_currency() {
        let mut subscription = subscription("agency", "month", 9_900, "active");
        let from = json!({
            "currency": "eur", "unit_amount_decimal": "9000",
            "currency_options": { "usd": { "unit_amount_decimal": "3000" } },
        });
        subscription.items.data[3].price =
            view(with(fixtures::price("price_old", "prod_agency", "licensed"), &from));
        let got = change(subscription, &offer("pro", Interval::Month, 3_500), |change| {
            change.direction()
        });
        assert_eq!(got, Ok(Direction::Upgrade));
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
