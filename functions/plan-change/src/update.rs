//! The request that changes a subscription, and how its result is recognized.

use serde::{Deserialize, Serialize};
use shared::api::idempotency::Operation;
use shared::billing::plan_change::{Change, ItemChange};
use shared::stripe::add_attribution;
use shared::stripe::views::{Expandable, Invoice, Subscription};
use shared::{Call, StripeError, Timestamp};
use stripe_billing::subscription::{
    UpdateSubscription, UpdateSubscriptionBillingCycleAnchor as Anchor,
    UpdateSubscriptionBillingCycleAnchorType as AnchorType, UpdateSubscriptionItems,
    UpdateSubscriptionPaymentBehavior as PaymentBehavior,
    UpdateSubscriptionProrationBehavior as Proration,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::marks;

/// Billing reason of an invoice that an update created.
const BILLED_BY_UPDATE: &str = "subscription_update";

/// All that is needed to make the change, or to ask Stripe again what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    path: String,
    /// The very bytes: Stripe compares them when it is asked again.
    body: String,
    key: String,
    pub previous_plan: String,
    /// The latest invoice before the change; another one after it is the change's.
    previous_invoice: Option<String>,
}

impl Planned {
    /// The update for `change`. `date` is the quote's proration date; without one Stripe's present.
    pub fn of(change: &Change<'_>, date: Option<Timestamp>, operation: &Operation) -> Self {
        let subscription = change.subscription;
        let mut update = UpdateSubscription::new(subscription.id.as_str())
            .items(change.items.iter().map(item).collect::<Vec<_>>())
            .proration_behavior(Proration::AlwaysInvoice)
            // The plan changes only if the payment goes through.
            .payment_behavior(PaymentBehavior::PendingIfIncomplete)
            .expand(["latest_invoice".to_owned()]);
        if change.resets_cycle {
            update = update.billing_cycle_anchor(Anchor::new(AnchorType::Now));
        } else if let Some(date) = date {
            update = update.proration_date(date.seconds());
        }
        let mut request = update.build();
        // In the same request, so that there is no change without the mark.
        marks::write(&mut request, operation, &subscription.metadata);
        add_attribution(&mut request, "metadata", operation.attribution());
        let body = request.body.unwrap_or_default();
        Self {
            path: request.path,
            // Another body, since the billing was another, is another request.
            key: operation.stripe_key(&format!("update-{:08x}", crc32fast::hash(body.as_bytes()))),
            body,
            previous_plan: change.from.tier.to_owned(),
            previous_invoice: latest_invoice(subscription).map(|invoice| invoice.id.clone()),
        }
    }

    /// Whether `other` is this very request, whenever it was planned.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (&self.path, &self.body, &self.key) == (&other.path, &other.body, &other.key)
    }

    /// The subscription that it changes.
    pub fn subscription<'a>(&self, all: &'a [Subscription]) -> Option<&'a Subscription> {
        let id = self.path.strip_prefix("/subscriptions/")?;
        all.iter().find(|subscription| subscription.id == id)
    }

    /// The invoice that the change made, if it made one.
    pub fn invoice<'a>(&self, changed: &'a Subscription) -> Option<&'a Invoice> {
        latest_invoice(changed)
            .filter(|invoice| self.previous_invoice.as_ref() != Some(&invoice.id))
    }
}

fn latest_invoice(subscription: &Subscription) -> Option<&Invoice> {
    subscription.latest_invoice.as_ref().and_then(Expandable::object)
}

fn item(changed: &ItemChange) -> UpdateSubscriptionItems {
    let mut item = UpdateSubscriptionItems::new();
    item.id.clone_from(&changed.id);
    item.price.clone_from(&changed.price);
    item.quantity = changed.quantity;
    item.deleted = changed.deleted.then_some(true);
    item
}

/// Whether the mark is on the subscription, or on the change that it holds back.
pub fn is_marked(operation: &Operation, subscription: &Subscription) -> bool {
    let held_back =
        subscription.pending_update.as_ref().and_then(|update| update.metadata.as_ref());
    is_in_force(operation, subscription)
        || held_back.is_some_and(|metadata| marks::has(metadata, operation))
}

/// Whether the operation's change is in force.
pub fn is_in_force(operation: &Operation, subscription: &Subscription) -> bool {
    marks::has(&subscription.metadata, operation)
}

/// Whether the subscription, as it is now, is what the update made of it, so that it can be answered with.
/// After a later change or a renewal its plan and its latest invoice are others.
pub fn is_still(planned: &Planned, operation: &Operation, subscription: &Subscription) -> bool {
    let metadata = match &subscription.pending_update {
        Some(update) => update.metadata.as_ref(),
        None => Some(&subscription.metadata),
    };
    let reason = |invoice: &Invoice| invoice.billing_reason.as_deref() == Some(BILLED_BY_UPDATE);
    metadata.is_some_and(|metadata| marks::is_newest(metadata, operation))
        && planned.invoice(subscription).is_none_or(reason)
}

/// Sends the update. Sent again, Stripe answers as it did the first time.
///
/// Where there is no clear answer, the subscription itself tells whether the change was made, unless it has gone on
/// since. Then it is to be asked again, under the same idempotency key.
pub async fn send(
    call: &Call,
    planned: &Planned,
    operation: &Operation,
) -> Result<Subscription, StripeError> {
    let mut request = RequestBuilder::new(StripeMethod::Post, planned.path.clone());
    request.body = Some(planned.body.clone());
    let error = match call.stripe.send_built(request, Some(planned.key.clone())).await {
        Ok(changed) => return Ok(changed),
        Err(error) => error,
    };
    // A malformed 200 too: Stripe has executed the request, with an unknown outcome.
    let unclear = matches!(
        error,
        StripeError::Refused { status: 500.., .. }
            | StripeError::Unreachable { .. }
            | StripeError::Malformed { .. }
    );
    let Some(customer) = call.customer().filter(|_| unclear) else { return Err(error) };
    let Ok(subscriptions) = call.stripe.subscriptions(customer).await else { return Err(error) };
    let mut subscriptions = subscriptions.into_iter();
    subscriptions.find(|subscription| is_still(planned, operation, subscription)).ok_or(error)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::values::Attribution;

    use super::*;
    use crate::fixtures::{invoice_text, subscription};

    fn planned(before: Option<&str>) -> Planned {
        Planned {
            path: String::new(),
            body: String::new(),
            key: String::new(),
            previous_plan: "pro".to_owned(),
            previous_invoice: before.map(str::to_owned),
        }
    }

    #[test]
    fn the_mark_is_found_on_the_subscription_and_on_a_change_that_waits() {
        let operation = Operation::new(Attribution::default()).expect("random numbers");
        let mark = crate::fixtures::mark(&operation);
        let other =
            crate::fixtures::mark(&Operation::new(Attribution::default()).expect("random numbers"));
        let waiting = |metadata: &serde_json::Value| json!({ "metadata": {}, "pending_update": { "expires_at": 9, "metadata": metadata } });
        // fields → marked, in force
        let cases = [
            (json!({ "metadata": mark }), true, true),
            (json!({ "metadata": other }), false, false),
            (json!({}), false, false),
            (waiting(&mark), true, false),
            (waiting(&other), false, false),
            (waiting(&serde_json::Value::Null), false, false),
        ];
        for (fields, marked, in_force) in cases {
            let subscription = subscription(&fields);
            assert_eq!(
                (is_marked(&operation, &subscription), is_in_force(&operation, &subscription)),
                (marked, in_force),
                "{fields}"
            );
        }
    }

    #[test]
    fn superseded_change_is_not_reported_as_current() {
        let new = || Operation::new(Attribution::default()).expect("random numbers");
        let (operation, other) = (new(), new());
        let planned = planned(Some("in_1"));
        let (key, others) = (marks::key(&operation), marks::key(&other));
        let ours = json!({ &key: "3", &others: "2" });
        let theirs = json!({ &key: "3", &others: "4" });
        let waits = |metadata: &Value| json!({ "expires_at": 9, "metadata": metadata });
        let (update, renewal) = (("in_2", "subscription_update"), ("in_2", "subscription_cycle"));
        let before = ("in_1", "subscription_cycle");
        // metadata, pending update, latest invoice → reported as the change
        let cases = [
            (&ours, Value::Null, update, true),
            (&ours, Value::Null, before, true),
            (&ours, Value::Null, renewal, false),
            (&theirs, Value::Null, update, false),
            (&json!({ &others: "3" }), Value::Null, update, false),
            (&json!({}), Value::Null, update, false),
            (&json!({}), waits(&ours), update, true),
            (&ours, waits(&theirs), update, false),
            (&ours, waits(&Value::Null), update, false),
        ];
        for (metadata, pending, (id, reason), expected) in cases {
            let invoice = invoice_text(&json!({ "id": id, "billing_reason": reason }));
            let fields = json!({ "metadata": metadata, "pending_update": pending, "latest_invoice": invoice });
            let is = is_still(&planned, &operation, &subscription(&fields));
            assert_eq!(is, expected, "{fields}");
        }
    }

    #[test]
    fn only_another_invoice_than_the_one_before_is_the_changes() {
        let changed =
            subscription(&json!({ "latest_invoice": invoice_text(&json!({ "id": "in_2" })) }));
        let id = |before| planned(before).invoice(&changed).map(|invoice| invoice.id.clone());
        assert_eq!(id(Some("in_1")).as_deref(), Some("in_2"));
        assert_eq!(id(None).as_deref(), Some("in_2"));
        assert_eq!(id(Some("in_2")), None);
        assert!(planned(None).invoice(&subscription(&json!({}))).is_none());
    }
}
