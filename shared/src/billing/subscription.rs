//! The current subscription: its plan, and whether the plan can be changed. No I/O.

use std::cmp::Reverse;

use serde::Serialize;

use super::catalog::Tiers;
use super::invoice::latest_invoice;
use super::payment::Payment;
use super::price::{Every, OwnPrice, PriceShape};
use super::schedule::spent_schedule;
use crate::stripe::views::{
    CollectionMethod, Invoice, InvoiceStatus, Subscription, SubscriptionItem, SubscriptionStatus,
};

/// The current subscription, which responses are about.
pub struct Current<'a> {
    pub subscription: &'a Subscription,
    /// The catalog plan on it; `None` if the catalog contains none of its products.
    pub plan: Option<Plan<'a>>,
    /// Number of live subscriptions. More than one deserves a warning.
    pub live: usize,
}

/// A catalog plan on a subscription.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub tier: &'a str,
    /// The item with the base price, or another item of the plan if that is missing.
    pub item: &'a SubscriptionItem,
}

/// The reason why a plan change is refused (`details.reason` in the contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotChangeable {
    /// A payment is under way. If it fails, the invoice is unpaid.
    PaymentProcessing,
    /// An invoice is unpaid, so a change would credit time that nobody paid for.
    Overdue,
    /// The first invoice is unpaid.
    Incomplete,
    Paused,
    CollectionPaused,
    /// A schedule changes the subscription later and would revert this change.
    Scheduled,
    /// The subscription is set to end.
    Ending,
    /// Invoices are sent, so nothing can be charged at once.
    Invoiced,
    NotInCatalogue,
    /// Stripe would never bill the usage of the metered prices that change.
    ClassicBilling,
    /// Items have periods of different lengths, so there is no one end of the period.
    MixedIntervals,
    /// By the operator's setting, a downgrade takes effect at the end of the period.
    DowngradeAtPeriodEnd,
}

impl<'a> Current<'a> {
    /// Returns the live subscription that responses are about: one with a catalog plan first, then by standing, then
    /// the newest.
    pub fn of(subscriptions: &'a [Subscription], tiers: &'a Tiers) -> Option<Self> {
        let mut live: Vec<_> = subscriptions
            .iter()
            .filter_map(|subscription| {
                Some((
                    subscription,
                    Standing::of(subscription.status)?,
                    Plan::of(subscription, tiers),
                ))
            })
            .collect();
        live.sort_by_key(|(subscription, standing, plan)| {
            (plan.is_none(), *standing, Reverse(subscription.created))
        });
        let (subscription, _, plan) = *live.first()?;
        Some(Self { subscription, plan, live: live.len() })
    }

    /// Returns why the plan cannot be changed now; `None` if it can. `payment` is that of the latest invoice.
    pub fn not_changeable(&self, payment: &Payment) -> Option<NotChangeable> {
        let subscription = self.subscription;
        if payment.is_processing() {
            return Some(NotChangeable::PaymentProcessing);
        }
        match subscription.status {
            SubscriptionStatus::Incomplete => return Some(NotChangeable::Incomplete),
            SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid => {
                return Some(NotChangeable::Overdue);
            }
            SubscriptionStatus::Paused => return Some(NotChangeable::Paused),
            SubscriptionStatus::Trialing
            | SubscriptionStatus::Active
            | SubscriptionStatus::Canceled
            | SubscriptionStatus::IncompleteExpired => {}
        }
        // The invoice of a pending update is owed only if the customer wants the change.
        // An invoice that is sent can be paid until its due date. Others have none.
        let is_due =
            |invoice: &Invoice| invoice.due_date.is_none_or(|due| due <= subscription.now());
        let owes =
            self.unpaid_invoice().is_some_and(is_due) && subscription.pending_change().is_none();
        let reasons = [
            (owes, NotChangeable::Overdue),
            (subscription.pause_collection.is_some(), NotChangeable::CollectionPaused),
            (
                subscription.schedule.is_some() && spent_schedule(subscription).is_none(),
                NotChangeable::Scheduled,
            ),
            (subscription.ends_at().is_some(), NotChangeable::Ending),
            (
                subscription.collection_method == CollectionMethod::SendInvoice,
                NotChangeable::Invoiced,
            ),
            (self.plan.is_none(), NotChangeable::NotInCatalogue),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    /// Returns the plan's base price on the subscription, which is zero if the plan's only items bill
    /// usage. `None` without a plan, and if the item's price is incomplete (see [`PriceShape::of`]).
    pub fn own_price(&self) -> Option<OwnPrice> {
        let Plan { tier, item } = self.plan?;
        let currency = self.subscription.currency;
        let shape = if item.price.is_metered() {
            PriceShape::free(Every::of(&item.price)?, currency)
        } else {
            PriceShape::of(&item.price, currency)?
        };
        Some(OwnPrice { tier: tier.to_owned(), shape, quantity: item.quantity.unwrap_or(1) })
    }

    /// Returns the latest invoice if it is open and unpaid.
    pub fn unpaid_invoice(&self) -> Option<&'a Invoice> {
        latest_invoice(self.subscription)
            .filter(|invoice| invoice.status == InvoiceStatus::Open && invoice.amount_remaining > 0)
    }
}

/// The standing of a live subscription, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Good,
    Late,
    Stopped,
    NotStarted,
}

impl Standing {
    /// Returns `None` for a subscription that has ended.
    fn of(status: SubscriptionStatus) -> Option<Self> {
        Some(match status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => Self::Good,
            SubscriptionStatus::PastDue => Self::Late,
            SubscriptionStatus::Unpaid | SubscriptionStatus::Paused => Self::Stopped,
            SubscriptionStatus::Incomplete => Self::NotStarted,
            SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired => return None,
        })
    }
}

impl<'a> Plan<'a> {
    fn of(subscription: &'a Subscription, tiers: &'a Tiers) -> Option<Self> {
        let plan = |item: &'a SubscriptionItem| Some(Self { tier: tiers.of(&item.price)?, item });
        let items = &subscription.items.data;
        let base = items.iter().filter(|item| !item.price.is_metered()).find_map(plan);
        base.or_else(|| items.iter().find_map(plan))
    }
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    fn tiers() -> Tiers {
        let products = [("prod_pro", "pro"), ("prod_old", "legacy")];
        Tiers::from_iter(&products.map(|(id, plan)| view(fixtures::product(id, plan))))
    }

    fn subscription(
        id: &str,
        status: &str,
        items: &[(&str, &str)],
        change: &Value,
    ) -> Subscription {
        view(with(fixtures::subscription(id, status, &fixtures::items(items)), change))
    }

    const PRO: &[(&str, &str)] =
        &[("prod_ip", "licensed"), ("prod_pro", "metered"), ("prod_pro", "licensed")];

    #[test]
    fn best_standing_of_those_with_a_plan_is_current_then_the_newest() {
        let none = json!({});
        let addon = || subscription("sub_3", "active", &[("prod_ip", "licensed")], &none);
        let pro = || subscription("sub_2", "past_due", PRO, &none);
        let old = || subscription("sub_1", "active", &[("prod_old", "licensed")], &none);
        let ended = || subscription("sub_0", "canceled", PRO, &none);
        let sub = |id: &str, status: &str| subscription(id, status, PRO, &none);
        let cases = [
            (vec![addon(), pro(), old()], Some(("sub_1", Some("legacy"), 3))),
            (vec![addon(), pro()], Some(("sub_2", Some("pro"), 2))),
            (
                vec![sub("sub_2", "incomplete"), sub("sub_1", "unpaid")],
                Some(("sub_1", Some("pro"), 2)),
            ),
            (
                vec![sub("sub_2", "paused"), sub("sub_1", "past_due")],
                Some(("sub_1", Some("pro"), 2)),
            ),
            (
                vec![sub("sub_2", "trialing"), sub("sub_1", "active")],
                Some(("sub_2", Some("pro"), 2)),
            ),
            (vec![addon(), old()], Some(("sub_1", Some("legacy"), 2))),
            (vec![addon(), ended()], Some(("sub_3", None, 1))),
            (vec![ended(), old()], Some(("sub_1", Some("legacy"), 1))),
            (vec![ended()], None),
            (vec![], None),
        ];
        for (subscriptions, expected) in cases {
            let tiers = tiers();
            let current = Current::of(&subscriptions, &tiers);
            let got = current.map(|current| {
                (
                    current.subscription.id.clone(),
                    current.plan.map(|plan| plan.tier.to_owned()),
                    current.live,
                )
            });
            assert_eq!(
                got.as_ref().map(|(id, tier, live)| (id.as_str(), tier.as_deref(), *live)),
                expected
            );
        }
    }

    #[test]
    fn plan_item_is_the_base_price() {
        let (subscriptions, tiers) = ([subscription("sub_1", "active", PRO, &json!({}))], tiers());
        let current = Current::of(&subscriptions, &tiers).expect("live");
        assert_eq!(current.plan.expect("a plan").item.id, "si_2");
    }

    #[test]
    fn plan_of_a_metered_item_is_that_of_its_price() {
        let price = |product: &str, metadata: &Value| {
            let price = fixtures::price(&format!("price_{product}"), product, "metered");
            with(price, &json!({ "metadata": metadata }))
        };
        let cases = [
            (price("prod_cpu", &json!({ "cantila_plan": "pro" })), Some("pro")),
            (price("prod_old", &json!({ "cantila_plan": "pro" })), Some("pro")),
            (price("prod_old", &json!({})), Some("legacy")),
            (price("prod_cpu", &json!({ "cantila_meter": "cpu" })), None),
        ];
        for (price, expected) in cases {
            let items = [fixtures::item("si_1", &price)];
            let subscriptions = [view(fixtures::subscription("sub_1", "active", &items))];
            let tiers = tiers();
            let plan = Current::of(&subscriptions, &tiers).expect("live").plan;
            assert_eq!(plan.map(|plan| plan.tier), expected, "{price}");
        }
    }

    #[test]
    fn each_reason_against_a_change_is_found() {
        let invoice = |status: &str, total| json!({ "latest_invoice": with(fixtures::invoice("in_1", status, total), &json!({ "attempted": true })) });
        let mut awaiting = invoice("open", 1);
        awaiting["pending_update"] =
            json!({ "expires_at": 9, "subscription_items": fixtures::items(PRO) });
        let mut resuming = invoice("open", 1);
        resuming["pending_update"] = json!({ "expires_at": 9 });
        let sent = |due_date: i64| {
            let mut sent = invoice("open", 1);
            sent["collection_method"] = json!("send_invoice");
            sent["latest_invoice"]["due_date"] = json!(due_date);
            sent
        };
        let addon: &[(&str, &str)] = &[("prod_ip", "licensed")];
        let cases = [
            ("active", PRO, json!({}), None),
            ("trialing", PRO, json!({}), None),
            ("active", PRO, invoice("paid", 1), None),
            ("active", PRO, awaiting, None),
            ("active", PRO, resuming, Some(NotChangeable::Overdue)),
            ("active", PRO, invoice("open", 1), Some(NotChangeable::Overdue)),
            ("past_due", PRO, json!({}), Some(NotChangeable::Overdue)),
            ("unpaid", PRO, json!({}), Some(NotChangeable::Overdue)),
            ("incomplete", PRO, json!({}), Some(NotChangeable::Incomplete)),
            ("paused", PRO, json!({}), Some(NotChangeable::Paused)),
            (
                "active",
                PRO,
                json!({ "pause_collection": { "behavior": "void" } }),
                Some(NotChangeable::CollectionPaused),
            ),
            ("active", PRO, json!({ "schedule": "sub_sched_1" }), Some(NotChangeable::Scheduled)),
            ("active", PRO, json!({ "cancel_at_period_end": true }), Some(NotChangeable::Ending)),
            ("active", PRO, json!({ "cancel_at": 5 }), Some(NotChangeable::Ending)),
            (
                "active",
                PRO,
                json!({ "collection_method": "send_invoice" }),
                Some(NotChangeable::Invoiced),
            ),
            ("active", PRO, sent(253_402_300_799), Some(NotChangeable::Invoiced)),
            ("active", PRO, sent(5), Some(NotChangeable::Overdue)),
            ("active", addon, json!({}), Some(NotChangeable::NotInCatalogue)),
        ];
        for (status, items, change, expected) in cases {
            let (subscriptions, tiers) = ([subscription("sub_1", status, items, &change)], tiers());
            let current = Current::of(&subscriptions, &tiers).expect("live");
            assert_eq!(current.not_changeable(&Payment::None), expected, "{status} {change}");
            let processing = Payment::Processing { since: subscriptions[0].created };
            let reason = current.not_changeable(&processing);
            assert_eq!(reason, Some(NotChangeable::PaymentProcessing), "{status} {change}");
        }
    }
}
