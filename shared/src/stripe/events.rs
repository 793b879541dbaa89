//! Stripe's events: what changed, and whose it is.

use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use super::calls::MAX_PAGE;
use super::client::Stripe;
use super::errors::StripeError;
use super::transport::Exchange;
use super::views::{Expandable, HasId, Id, List};
use crate::aws::table::Subject;
use crate::values::Timestamp;

/// Beginnings of the types of events about objects that all customers share.
const CATALOG: [&str; 9] = [
    "billing.meter.",
    "billing_portal.configuration.",
    "coupon.",
    "plan.",
    "price.",
    "product.",
    "promotion_code.",
    "tax.settings.",
    "tax_rate.",
];

/// An event. Types: <https://docs.stripe.com/api/events/types>.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: Timestamp,
    data: Data,
    request: Option<Cause>,
}

/// The request that caused an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Cause {
    idempotency_key: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Data {
    object: Object,
    previous_attributes: Option<Previous>,
}

/// The object after the change.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Object {
    id: Option<String>,
    object: String,
    customer: Option<Expandable<Id>>,
}

/// The attributes that changed, as they were.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Previous {
    customer: Option<Expandable<Id>>,
}

impl HasId for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Event {
    /// Returns what the event changes: customers, the catalog, or nothing that is read here.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        if CATALOG.iter().any(|prefix| self.kind.starts_with(prefix)) {
            return vec![Subject::Catalog];
        }
        let Data { object, previous_attributes } = &self.data;
        let itself = object.id.as_deref().filter(|_| object.object == "customer");
        let now = object.customer.as_ref().map(Expandable::id);
        let before = previous_attributes.as_ref().and_then(|it| it.customer.as_ref());
        let customers = [itself, now, before.map(Expandable::id)];
        let mut subjects: Vec<_> = customers.into_iter().flatten().map(Subject::Customer).collect();
        subjects.dedup();
        subjects
    }

    /// Returns the customer whose plan change may have something left to complete: a pending update was paid or has
    /// expired, or the subscription changed.
    pub fn changed_subscription_of(&self) -> Option<&str> {
        let is_change = matches!(
            self.kind.as_str(),
            "customer.subscription.updated"
                | "customer.subscription.pending_update_applied"
                | "customer.subscription.pending_update_expired"
        );
        self.data.object.customer.as_ref().filter(|_| is_change).map(Expandable::id)
    }
}

/// Lists the events of schedules that were created at this Unix second or later.
struct ListCreatedSchedules(i64);

impl StripeRequest for ListCreatedSchedules {
    type Output = ();

    fn build(&self) -> RequestBuilder {
        let mut request = RequestBuilder::new(StripeMethod::Get, "/events");
        let kind = "subscription_schedule.created";
        request.query = Some(format!("limit={MAX_PAGE}&type={kind}&created[gte]={}", self.0));
        request
    }
}

impl Stripe {
    /// Returns the ID of the schedule that the request with this idempotency key created at `since` (Unix seconds) or later;
    /// `None` if no event says so.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn schedule_created_with(
        &self,
        key: &str,
        since: i64,
    ) -> Result<Option<String>, StripeError> {
        let events: Vec<Event> = self.all(&ListCreatedSchedules(since)).await?;
        let is_of_key = |event: &Event| {
            let cause = event.request.as_ref();
            cause.and_then(|cause| cause.idempotency_key.as_deref()) == Some(key)
        };
        let created = events.into_iter().find(is_of_key);
        Ok(created.and_then(|event| event.data.object.id))
    }

    /// Returns a page of events created at `since` (Unix seconds) or later, newest first, after the event `after`, and
    /// Stripe's time of the response in Unix seconds.
    ///
    /// # Errors
    /// [`StripeError`], also if the response has no time.
    pub async fn events(
        &self,
        since: i64,
        after: Option<&str>,
    ) -> Result<(List<Event>, i64), StripeError> {
        let mut request = RequestBuilder::new(StripeMethod::Get, "/events");
        let after = after.map(|id| format!("&starting_after={id}")).unwrap_or_default();
        request.query = Some(format!("limit={MAX_PAGE}&created[gte]={since}{after}"));
        let exchange = Exchange::new(request, None)?;
        let response = Box::pin(self.ask(&exchange, false)).await?;
        let (request_id, date) = (response.request_id.clone(), response.date);
        let reason = "it has no date".to_owned();
        let date = date.ok_or(StripeError::Malformed { request_id, reason })?;
        Ok((response.read()?, date))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: &str, object: &Value, previous: &Value) -> Event {
        let data = json!({ "object": object, "previous_attributes": previous });
        let event = json!({ "id": "evt_1", "type": kind, "created": 0, "data": data });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn event_names_whose_state_it_changes() {
        let none = Value::Null;
        let of = |kind: &str, object: Value, previous: &Value| {
            let event = event(kind, &object, previous);
            event.subjects().iter().map(|subject| format!("{subject:?}")).collect::<Vec<_>>()
        };
        let customer = |id| format!("Customer(\"{id}\")");
        let cases = [
            (
                "customer.updated",
                json!({ "object": "customer", "id": "cus_1" }),
                &none,
                vec![customer("cus_1")],
            ),
            (
                "invoice.paid",
                json!({ "object": "invoice", "id": "in_1", "customer": "cus_1" }),
                &none,
                vec![customer("cus_1")],
            ),
            (
                "charge.failed",
                json!({ "object": "charge", "customer": { "id": "cus_1" } }),
                &none,
                vec![customer("cus_1")],
            ),
            (
                "payment_method.detached",
                json!({ "object": "payment_method", "customer": null }),
                &json!({ "customer": "cus_2" }),
                vec![customer("cus_2")],
            ),
            (
                "invoiceitem.updated",
                json!({ "object": "invoiceitem", "customer": "cus_1" }),
                &json!({ "customer": "cus_1", "amount": 1 }),
                vec![customer("cus_1")],
            ),
            (
                "price.updated",
                json!({ "object": "price", "id": "price_1" }),
                &none,
                vec!["Catalog".to_owned()],
            ),
            (
                "tax.settings.updated",
                json!({ "object": "tax.settings" }),
                &none,
                vec!["Catalog".to_owned()],
            ),
            ("payout.paid", json!({ "object": "payout", "id": "po_1" }), &none, vec![]),
        ];
        for (kind, object, previous, expected) in cases {
            assert_eq!(of(kind, object, previous), expected, "{kind}");
        }
    }
}
