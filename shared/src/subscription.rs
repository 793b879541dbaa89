//! Which subscription an account is on, on which plan, and whether it can be changed. No I/O.

use crate::catalog::Tiers;
use crate::stripe::views::{
    CollectionMethod, Expandable, InvoiceStatus, Subscription, SubscriptionItem, SubscriptionStatus,
};

/// The subscription that answers are about.
pub struct Current<'a> {
    pub subscription: &'a Subscription,
    /// The catalogue plan on it; none where the catalogue does not know its products.
    pub plan: Option<Plan<'a>>,
    /// How many are live: one, or something is wrong.
    pub live: usize,
}

/// A catalogue plan on a subscription.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub tier: &'a str,
    /// The item with the base fee, or whatever is left of the plan.
    pub item: &'a SubscriptionItem,
}

/// Why a subscription's plan cannot be changed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChangeable {
    /// An invoice was not paid: a change would give credit for what nobody paid.
    Overdue,
    /// Its first invoice is not paid.
    Incomplete,
    Paused,
    CollectionPaused,
    /// A schedule changes it at a date, and would undo another change.
    Scheduled,
    /// It is going to end.
    Ending,
    /// It is collected by sending invoices, so that nothing can be charged at once.
    Invoiced,
    NotInCatalogue,
}

impl NotChangeable {
    /// As the contract names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Incomplete => "incomplete",
            Self::Paused => "paused",
            Self::CollectionPaused => "collection_paused",
            Self::Scheduled => "scheduled",
            Self::Ending => "ending",
            Self::Invoiced => "invoiced",
            Self::NotInCatalogue => "not_in_catalogue",
        }
    }

    /// What to do about it, for a person.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Overdue => {
                "An invoice of this subscription is overdue. Pay it first; GET /v1/billing/dunning says how."
            }
            Self::Incomplete => {
                "The first invoice of this subscription is not paid yet. Pay it first; GET /v1/billing/dunning says how."
            }
            Self::Paused => {
                "This subscription is paused. GET /v1/billing/dunning says how it goes on; where it does not, ask the operator to resume it."
            }
            Self::CollectionPaused => {
                "Payments of this subscription are paused. Ask the operator to resume them first."
            }
            Self::Scheduled => {
                "A change of this subscription is scheduled already. Ask the operator to release the schedule first."
            }
            Self::Ending => {
                "This subscription is going to end. Renew it in the billing portal (POST /v1/billing/portal-session) first."
            }
            Self::Invoiced => {
                "This subscription is paid by invoice, so a change cannot be charged at once. Ask the operator to make it."
            }
            Self::NotInCatalogue => {
                "This subscription is not on a plan of the catalogue. Ask the operator to change it."
            }
        }
    }
}

impl<'a> Current<'a> {
    /// Of the live ones the newest that holds a catalogue plan, else the newest; `None` without any.
    ///
    /// `subscriptions` are newest first, as Stripe lists them.
    #[must_use]
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

    /// Why its plan cannot be changed now; `None` where it can.
    #[must_use]
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

    /// Whether its latest invoice is still to be paid. That of a change which waits for payment is
    /// not owed: without payment the change is simply not made.
    fn owes(&self) -> bool {
        let latest = self.subscription.latest_invoice.as_ref().and_then(Expandable::object);
        let open = latest.is_some_and(|invoice| {
            invoice.status == InvoiceStatus::Open && invoice.amount_remaining > 0
        });
        open && self.subscription.pending_update.is_none()
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
    use serde_json::{Value, json};

    use super::*;
    use crate::stripe::views::Product;

    fn tiers() -> Tiers {
        let product = |id: &str, tier: &str| -> Product {
            serde_json::from_value(json!({ "id": id, "metadata": { "cantila_plan": tier } }))
                .expect("a product")
        };
        Tiers::from_iter(&[product("prod_pro", "pro"), product("prod_old", "legacy")])
    }

    fn subscription(
        id: &str,
        status: &str,
        items: &[(&str, &str)],
        change: &Value,
    ) -> Subscription {
        let items: Vec<_> = items.iter().map(|(product, usage)| {
            let price = json!({
                "id": "price_1", "currency": "usd", "product": product,
                "recurring": { "interval": "month", "interval_count": 1, "usage_type": usage },
            });
            json!({ "id": format!("si_{product}_{usage}"), "current_period_start": 0, "current_period_end": 9, "price": price })
        }).collect();
        let mut fields = json!({
            "id": id, "status": status, "currency": "usd", "created": 0, "collection_method": "charge_automatically",
            "cancel_at_period_end": false, "items": { "data": items, "has_more": false },
        });
        fields
            .as_object_mut()
            .expect("an object")
            .extend(change.as_object().expect("an object").clone());
        serde_json::from_value(fields).expect("a whole subscription")
    }

    const PRO: &[(&str, &str)] =
        &[("prod_ip", "licensed"), ("prod_pro", "metered"), ("prod_pro", "licensed")];

    #[test]
    fn of_several_live_ones_the_newest_with_a_catalogue_plan_is_the_current_one() {
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
    fn the_plans_item_is_its_base_fee_even_behind_usage_and_add_ons() {
        let (subscriptions, tiers) = ([subscription("sub_1", "active", PRO, &json!({}))], tiers());
        let current = Current::of(&subscriptions, &tiers).expect("live");
        assert_eq!(current.plan.expect("a plan").item.id, "si_prod_pro_licensed");
    }

    #[test]
    fn each_reason_against_a_change_is_found() {
        let invoice = |status: &str, remaining: i64| {
            json!({ "latest_invoice": {
                "id": "in_1", "status": status, "currency": "usd", "subtotal": 1, "total": 1, "amount_due": 1,
                "amount_paid": 0, "amount_remaining": remaining, "starting_balance": 0, "attempted": true, "attempt_count": 1,
                "created": 0, "period_start": 0, "period_end": 0, "parent": null, "status_transitions": {}, "lines": { "data": [], "has_more": false },
            } })
        };
        let mut awaiting = invoice("open", 1);
        awaiting["pending_update"] = json!({ "expires_at": 9 });
        let addon: &[(&str, &str)] = &[("prod_ip", "licensed")];
        let cases = [
            ("active", PRO, json!({}), None),
            ("trialing", PRO, json!({}), None),
            ("active", PRO, invoice("paid", 0), None),
            ("active", PRO, awaiting, None),
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
