//! The current subscription: its plan, and whether the plan can be changed. No I/O.

use serde::Serialize;

use super::catalog::Tiers;
use crate::stripe::views::{
    CollectionMethod, Expandable, InvoiceStatus, Subscription, SubscriptionItem, SubscriptionStatus,
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
}

impl<'a> Current<'a> {
    /// Returns the newest live subscription with a catalog plan, else the newest live one.
    ///
    /// `subscriptions` are newest first, as Stripe lists them.
    pub fn of(subscriptions: &'a [Subscription], tiers: &'a Tiers) -> Option<Self> {
        let live: Vec<_> =
            subscriptions.iter().filter(|subscription| !subscription.status.is_ended()).collect();
        let with_plan = live
            .iter()
            .find_map(|subscription| Some((*subscription, Plan::of(subscription, tiers)?)));
        let (subscription, plan) = match with_plan {
            Some((subscription, plan)) => (subscription, Some(plan)),
            None => (*live.first()?, None),
        };
        Some(Self { subscription, plan, live: live.len() })
    }

    /// Returns why the plan cannot be changed now; `None` if it can.
    pub fn not_changeable(&self) -> Option<NotChangeable> {
        let subscription = self.subscription;
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
        let reasons = [
            (self.owes(), NotChangeable::Overdue),
            (subscription.pause_collection.is_some(), NotChangeable::CollectionPaused),
            (subscription.schedule.is_some(), NotChangeable::Scheduled),
            (subscription.ends_at().is_some(), NotChangeable::Ending),
            (
                subscription.collection_method == CollectionMethod::SendInvoice,
                NotChangeable::Invoiced,
            ),
            (self.plan.is_none(), NotChangeable::NotInCatalogue),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    /// Returns whether the latest invoice is unpaid. The invoice of a pending update does not count: it
    /// is owed only if the customer wants the change.
    fn owes(&self) -> bool {
        let latest = self.subscription.latest_invoice.as_ref().and_then(Expandable::object);
        let open = latest.is_some_and(|invoice| {
            invoice.status == InvoiceStatus::Open && invoice.amount_remaining > 0
        });
        open && self.subscription.pending_change().is_none()
    }
}

impl<'a> Plan<'a> {
    fn of(subscription: &'a Subscription, tiers: &'a Tiers) -> Option<Self> {
        let plan = |item: &'a SubscriptionItem| {
            Some(Self { tier: tiers.of(item.price.product_id())?, item })
        };
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
    fn newest_live_subscription_with_a_plan_is_current() {
        let none = json!({});
        let addon = || subscription("sub_3", "active", &[("prod_ip", "licensed")], &none);
        let pro = || subscription("sub_2", "past_due", PRO, &none);
        let old = || subscription("sub_1", "active", &[("prod_old", "licensed")], &none);
        let ended = || subscription("sub_0", "canceled", PRO, &none);
        let cases = [
            (vec![addon(), pro(), old()], Some(("sub_2", Some("pro"), 3))),
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
    fn each_reason_against_a_change_is_found() {
        let invoice = |status: &str, total| json!({ "latest_invoice": with(fixtures::invoice("in_1", status, total), &json!({ "attempted": true })) });
        let mut awaiting = invoice("open", 1);
        awaiting["pending_update"] =
            json!({ "expires_at": 9, "subscription_items": fixtures::items(PRO) });
        let mut resuming = invoice("open", 1);
        resuming["pending_update"] = json!({ "expires_at": 9 });
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
            ("active", addon, json!({}), Some(NotChangeable::NotInCatalogue)),
        ];
        for (status, items, change, expected) in cases {
            let (subscriptions, tiers) = ([subscription("sub_1", status, items, &change)], tiers());
            let current = Current::of(&subscriptions, &tiers).expect("live");
            assert_eq!(current.not_changeable(), expected, "{status} {change}");
        }
    }
}
