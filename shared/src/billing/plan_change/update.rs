//! The updates of a subscription that change its plan, as they are sent and sent again.
//!
//! The first one swaps the prices that are paid in advance, and is the one that is paid for. The second one swaps the
//! metered prices with `create_prorations`: Stripe then makes pending items of the usage so far, for the next invoice.
//! Source: <https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup>.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use stripe_billing::subscription::{
    UpdateSubscription, UpdateSubscriptionBillingCycleAnchor as Anchor,
    UpdateSubscriptionBillingCycleAnchorType as AnchorType, UpdateSubscriptionItems,
    UpdateSubscriptionPaymentBehavior as PaymentBehavior,
    UpdateSubscriptionProrationBehavior as Proration,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use super::amounts::HeldAmounts;
use super::diff::{Change, ItemChange};
use super::limits::Counter;
use crate::billing::invoice::latest_invoice;
use crate::stripe::views::{Id, Invoice, Subscription};
use crate::stripe::{Stripe, StripeError, add_attribution, add_metadata};
use crate::values::{Attribution, OPERATION_METADATA, Timestamp};

/// Billing reason of an invoice that an update created.
const BILLED_BY_UPDATE: &str = "subscription_update";

/// How long Stripe certainly remembers an idempotency key, in seconds, with an hour for clocks that differ.
/// Source: <https://docs.stripe.com/api/idempotent_requests>.
pub(super) const KEY_LIFETIME: i64 = 23 * 3_600;

/// The price of a change, checked immediately before the update.
#[derive(Clone, Debug)]
pub struct HeldPrice {
    pub amounts: HeldAmounts,
    /// Fingerprint of all but the usage, if the change starts a new billing cycle.
    pub without_usage: Option<String>,
    /// The proration date; none if the change starts a new billing cycle, for which Stripe takes none.
    pub date: Option<Timestamp>,
    /// The largest amount due that the caller accepts, in minor units.
    pub most: Option<i64>,
}

/// How Stripe treats an update whose payment does not succeed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfIncomplete {
    /// Nothing changes, and no invoice is left.
    Error,
    /// The update waits until its invoice is paid.
    Pending,
}

/// The update that is paid for, and all that any request needs to read Stripe's response to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// ID of the subscription.
    pub subscription: String,
    /// The very bytes: Stripe compares them when the update is sent again.
    body: String,
    /// Stripe's idempotency key.
    key: String,
    pub if_incomplete: IfIncomplete,
    /// Unix seconds.
    sent_at: i64,
    pub previous_plan: String,
    /// ID of the target's base price.
    price: String,
    /// The latest invoice before the change; another one after it may be the change's.
    previous_invoice: Option<String>,
    held: HeldAmounts,
    most: Option<i64>,
    /// The items of the second update.
    meters: Vec<ItemChange>,
}

impl Update {
    /// Returns the first update for `change` at this price.
    pub fn new(
        change: &Change<'_>,
        price: HeldPrice,
        if_incomplete: IfIncomplete,
        operation: &str,
        attribution: &Attribution,
        key: String,
    ) -> Self {
        let subscription = change.subscription;
        let behavior = match if_incomplete {
            IfIncomplete::Error => PaymentBehavior::ErrorIfIncomplete,
            IfIncomplete::Pending => PaymentBehavior::PendingIfIncomplete,
        };
        let mut update = UpdateSubscription::new(subscription.id.as_str())
            .items(items(&change.items))
            .proration_behavior(Proration::AlwaysInvoice)
            .payment_behavior(behavior)
            .expand(["latest_invoice.payments".to_owned()]);
        if change.resets_cycle {
            update = update.billing_cycle_anchor(Anchor::new(AnchorType::Now));
        } else if let Some(date) = price.date {
            update = update.proration_date(date.seconds());
        }
        let mut request = update.build();
        // In the same request, so that there is no change without its mark.
        let counter = Counter::of(subscription).next();
        let pairs = [(OPERATION_METADATA, operation), (Counter::KEY, &counter.to_string())];
        add_metadata(&mut request, "metadata", pairs);
        add_attribution(&mut request, "metadata", attribution);
        Self {
            subscription: subscription.id.clone(),
            body: request.body.unwrap_or_default(),
            key,
            if_incomplete,
            sent_at: Timestamp::now().seconds(),
            previous_plan: change.from.tier.to_owned(),
            price: change.to.price.clone(),
            previous_invoice: latest_invoice(subscription).map(|invoice| invoice.id.clone()),
            held: price.amounts,
            most: price.most,
            meters: change.meters.clone(),
        }
    }

    /// Sends the update. Sent again, Stripe responds as it did the first time.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send(&self, stripe: &Stripe) -> Result<Subscription, StripeError> {
        let request = request(&self.subscription, self.body.clone());
        stripe.send_built(request, Some(self.key.clone())).await
    }

    /// Uses up the idempotency key with an update of nothing. Returns whether Stripe had executed the update before; if
    /// not, it never will.
    ///
    /// # Errors
    /// [`StripeError`], of which a status 409 means that Stripe is executing the update.
    pub async fn burn(&self, stripe: &Stripe) -> Result<bool, StripeError> {
        let request = request(&self.subscription, String::new());
        match stripe.send_built::<Id>(request, Some(self.key.clone())).await {
            Err(error) if error.is_key_reused() || error.is_replayed_failure() => Ok(true),
            // Refused, for example, if the subscription has ended.
            Ok(_) | Err(StripeError::Refused { status: 400 | 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns whether Stripe may have forgotten the idempotency key by now.
    pub fn is_forgotten(&self) -> bool {
        Timestamp::now().seconds() - self.sent_at >= KEY_LIFETIME
    }

    /// Returns the invoice of the change; `None` if it made none.
    pub fn invoice<'a>(&self, changed: &'a Subscription) -> Option<&'a Invoice> {
        latest_invoice(changed).filter(|invoice| {
            self.previous_invoice.as_ref() != Some(&invoice.id)
                && invoice.billing_reason.as_deref() == Some(BILLED_BY_UPDATE)
        })
    }

    /// Returns whether no other invoice has come after that of the change.
    pub fn is_latest(&self, now: &Subscription) -> bool {
        let latest = latest_invoice(now).map(|invoice| &invoice.id);
        self.invoice(now).is_some() || latest == self.previous_invoice.as_ref()
    }

    /// Returns whether the change was charged at another amount than the one that was checked immediately before it.
    /// Between that check and the update something may have been added to the invoice.
    pub fn differs_from(&self, invoice: Option<&Invoice>) -> bool {
        let is_accepted =
            || self.most.zip(invoice).is_some_and(|(most, invoice)| invoice.amount_due <= most);
        !self.held.are_charged_by(invoice) && !is_accepted()
    }

    /// Returns the items that the second update still has to change. None if the base price is not the target's any
    /// more: then somebody else has changed the plan since.
    fn outstanding(&self, subscription: &Subscription) -> Vec<ItemChange> {
        let items = &subscription.items.data;
        if subscription.status.is_ended() || !items.iter().any(|item| item.price.id == self.price) {
            return Vec::new();
        }
        let is_outstanding = |change: &&ItemChange| {
            let item = || items.iter().find(|item| Some(&item.id) == change.id.as_ref());
            match (&change.id, &change.price) {
                (Some(_), Some(price)) => item().is_some_and(|item| item.price.id != *price),
                (Some(_), None) => item().is_some(),
                (None, price) => !items.iter().any(|item| Some(&item.price.id) == price.as_ref()),
            }
        };
        self.meters.iter().filter(is_outstanding).cloned().collect()
    }

    /// Returns the second update; `None` if nothing is left to change.
    pub fn second(&self, subscription: &Subscription) -> Option<SecondUpdate> {
        let outstanding = self.outstanding(subscription);
        if outstanding.is_empty() {
            return None;
        }
        let update = UpdateSubscription::new(self.subscription.as_str())
            .items(items(&outstanding))
            .proration_behavior(Proration::CreateProrations);
        let body = update.build().body.unwrap_or_default();
        // Another body is another request.
        let key = format!("{}-meters-{:08x}", self.key, crc32fast::hash(body.as_bytes()));
        Some(SecondUpdate { subscription: self.subscription.clone(), body, key })
    }
}

/// The update that swaps the metered prices. It charges nothing, so anybody may complete it.
pub struct SecondUpdate {
    subscription: String,
    body: String,
    key: String,
}

impl SecondUpdate {
    /// Sends the update.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn send(&self, stripe: &Stripe) -> Result<Subscription, StripeError> {
        let request = || request(&self.subscription, self.body.clone());
        match stripe.send_built(request(), Some(self.key.clone())).await {
            // Stripe would say that for a day, and the update is outstanding all the same.
            Err(error) if error.is_replayed_failure() => {
                let key = format!("{}-{}", self.key, Timestamp::now().seconds());
                stripe.send_built(request(), Some(key)).await
            }
            outcome => outcome,
        }
    }
}

fn request(subscription: &str, body: String) -> RequestBuilder {
    let path = format!("/subscriptions/{subscription}");
    let mut request = RequestBuilder::new(StripeMethod::Post, path);
    request.body = Some(body);
    request
}

fn items(changes: &[ItemChange]) -> Vec<UpdateSubscriptionItems> {
    let item = |change: &ItemChange| {
        let mut item = UpdateSubscriptionItems::new();
        item.id.clone_from(&change.id);
        item.price.clone_from(&change.price);
        item.quantity = change.quantity;
        item.deleted = change.deleted.then_some(true);
        item
    };
    changes.iter().map(item).collect()
}

/// Returns whether the change of `operation` is in force on the subscription.
pub fn is_in_force(operation: &str, subscription: &Subscription) -> bool {
    is_marked(operation, &subscription.metadata)
}

/// Returns whether the change of `operation` waits on the subscription for its payment.
pub fn is_pending(operation: &str, subscription: &Subscription) -> bool {
    let update = subscription.pending_update.as_ref();
    update
        .and_then(|update| update.metadata.as_ref())
        .is_some_and(|metadata| is_marked(operation, metadata))
}

fn is_marked(operation: &str, metadata: &HashMap<String, String>) -> bool {
    metadata.get(OPERATION_METADATA).is_some_and(|mark| mark == operation)
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    fn update(previous_invoice: Option<&str>) -> Update {
        let swap = |id: &str, price: &str| ItemChange {
            id: Some(id.to_owned()),
            price: Some(price.to_owned()),
            ..ItemChange::default()
        };
        let removed =
            ItemChange { id: Some("si_disk".to_owned()), deleted: true, ..ItemChange::default() };
        let added = ItemChange { price: Some("price_ram".to_owned()), ..ItemChange::default() };
        let invoice = view(fixtures::invoice("in_0", "draft", 1_000));
        Update {
            subscription: "sub_1".to_owned(),
            body: "a=b".to_owned(),
            key: "op-1-1".to_owned(),
            if_incomplete: IfIncomplete::Error,
            sent_at: Timestamp::now().seconds(),
            previous_plan: "pro".to_owned(),
            price: "price_agency".to_owned(),
            previous_invoice: previous_invoice.map(str::to_owned),
            held: HeldAmounts::of(&invoice).expect("it adds up"),
            most: None,
            meters: vec![swap("si_cpu", "price_cpu"), removed, added],
        }
    }

    fn subscription(items: &[(&str, &str)], change: &Value) -> Subscription {
        let item = |(id, price): &(&str, &str)| {
            fixtures::item(id, &fixtures::price(price, "prod_1", "metered"))
        };
        let items: Vec<Value> = items.iter().map(item).collect();
        view(with(fixtures::subscription("sub_1", "active", &items), change))
    }

    #[test]
    fn second_update_has_what_is_outstanding() {
        let agency = ("si_base", "price_agency");
        let (old, new) = (("si_cpu", "price_old"), ("si_cpu", "price_cpu"));
        let (disk, ram) = (("si_disk", "price_disk"), ("si_ram", "price_ram"));
        let body = |items: &str| Some(format!("{items}&proration_behavior=create_prorations"));
        let cases = [
            (
                vec![agency, old, disk],
                body(
                    "items[0][id]=si_cpu&items[0][price]=price_cpu&items[1][deleted]=true&items[1][id]=si_disk&items[2][price]=price_ram",
                ),
            ),
            (vec![agency, new, ram, disk], body("items[0][deleted]=true&items[0][id]=si_disk")),
            (vec![agency, new, ram], None),
            (vec![agency, ram], None),
            // Somebody else has changed the plan since.
            (vec![("si_base", "price_pro"), old, disk], None),
        ];
        for (items, expected) in cases {
            let subscription = subscription(&items, &json!({}));
            let second = update(None).second(&subscription);
            assert_eq!(second.map(|second| second.body), expected);
        }
        let ended = subscription(&[agency, old], &json!({ "status": "canceled" }));
        assert!(update(None).second(&ended).is_none());
    }

    #[test]
    fn operation_is_recognized_by_its_mark() {
        let mark = |operation: &str| json!({ "cantila_operation": operation });
        let waits = |metadata: Value| json!({ "pending_update": { "expires_at": 9, "metadata": metadata } });
        // fields → in force, pending
        let cases = [
            (json!({ "metadata": mark("op") }), (true, false)),
            (json!({ "metadata": mark("other") }), (false, false)),
            (json!({}), (false, false)),
            (waits(mark("op")), (false, true)),
            (waits(mark("other")), (false, false)),
            (waits(Value::Null), (false, false)),
        ];
        for (fields, expected) in cases {
            let one = subscription(&[], &fields);
            assert_eq!((is_in_force("op", &one), is_pending("op", &one)), expected, "{fields}");
        }
    }

    #[test]
    fn invoice_of_the_change_is_another_one_that_an_update_made() {
        let latest = |id: &str, reason: &str| {
            let invoice =
                with(fixtures::invoice(id, "paid", 1_000), &json!({ "billing_reason": reason }));
            subscription(&[], &json!({ "latest_invoice": invoice }))
        };
        let before = Some("in_1");
        // previous, latest → the change's, the latest is that of the change
        let cases = [
            (before, latest("in_2", "subscription_update"), Some("in_2"), true),
            (None, latest("in_2", "subscription_update"), Some("in_2"), true),
            (before, latest("in_1", "subscription_update"), None, true),
            (before, latest("in_2", "subscription_cycle"), None, false),
            (None, subscription(&[], &json!({})), None, true),
        ];
        for (previous, subscription, invoice, is_latest) in cases {
            let update = update(previous);
            let found = update.invoice(&subscription).map(|invoice| invoice.id.as_str());
            assert_eq!((found, update.is_latest(&subscription)), (invoice, is_latest));
        }
    }

    #[test]
    fn charge_differs_unless_it_is_the_held_one_or_accepted() {
        let charged = |total: i64| view(fixtures::invoice("in_1", "paid", total));
        let differs = |most: Option<i64>, total: i64| {
            Update { most, ..update(None) }.differs_from(Some(&charged(total)))
        };
        assert!(!differs(None, 1_000));
        assert!(differs(None, 1_001));
        assert!(!differs(Some(1_001), 1_001));
        assert!(differs(Some(1_000), 1_001));
        assert!(update(None).differs_from(None));
    }

    #[test]
    fn key_is_forgotten_after_a_day() {
        let sent = |hours: i64| {
            let sent_at = Timestamp::now().seconds() - hours * 3_600;
            Update { sent_at, ..update(None) }.is_forgotten()
        };
        assert!(!sent(22) && sent(23));
    }
}
