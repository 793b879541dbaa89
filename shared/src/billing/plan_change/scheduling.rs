//! A plan change at the end of the period, through a subscription schedule.
//!
//! Stripe makes a schedule of a subscription in two requests: `from_subscription` takes no other parameter, and an update
//! then adds the phase of the new plan. An update replaces all phases, so both are sent whole: a field that a phase lacks
//! is lost. Source: <https://docs.stripe.com/billing/subscriptions/subscription-schedules/use-cases>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::diff::Change;
use super::update::{KEY_LIFETIME, is_in_force};
use crate::stripe::views::{
    Discount, Expandable, Schedule, ScheduleDraft, Subscription, SubscriptionItem,
};
use crate::stripe::{Stripe, StripeError};
use crate::values::{Attribution, OPERATION_METADATA, Timestamp, is_path_segment};

/// Path of schedules.
const PATH: &str = "/subscription_schedules";

/// Fields of a phase that are not repeated as Stripe returned them.
const OWN: [&str; 5] = ["end_date", "items", "discounts", "proration_behavior", "start_date"];

/// Largest difference between our clock and Stripe's, in seconds.
const CLOCK_DIFFERENCE: i64 = 300;

/// All that any request needs to settle a scheduled change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    /// ID of the subscription.
    pub subscription: String,
    /// Stripe's idempotency key of the first request.
    key: String,
    /// Unix seconds.
    sent_at: i64,
    /// ID of the schedule, once it is known.
    schedule: Option<String>,
    pub previous_plan: String,
    /// Tier of the new plan.
    pub plan: String,
}

impl Scheduling {
    /// Creates the scheduling of `change`. `key` is the idempotency key of the first request.
    pub fn new(change: &Change<'_>, key: String) -> Self {
        Self {
            subscription: change.subscription.id.clone(),
            key,
            sent_at: Timestamp::now().seconds(),
            schedule: None,
            previous_plan: change.from.tier.to_owned(),
            plan: change.to.tier.clone(),
        }
    }

    /// Sends the first request, which changes nothing: a schedule whose only phase is the current period. Sent again,
    /// Stripe responds as it did the first time.
    ///
    /// # Errors
    /// [`StripeError`]; a status 400 if the subscription has a schedule.
    pub async fn create(&self, stripe: &Stripe) -> Result<ScheduleDraft, StripeError> {
        let body = format!("from_subscription={}", self.subscription);
        stripe.send_built(post(PATH.to_owned(), body), Some(self.key.clone())).await
    }

    /// Returns the scheduling once the schedule is known.
    #[must_use]
    pub fn known(self, draft: &ScheduleDraft) -> Self {
        Self { schedule: Some(draft.id.clone()), ..self }
    }

    /// Undoes what an interrupted request left, unless the change is scheduled: releases the subscription from a schedule
    /// without a later phase. A second request that is still on its way is refused then. Returns whether the change is
    /// scheduled. `release_key` is the idempotency key of the release, another one in each attempt: Stripe could replay a
    /// failure for a day.
    ///
    /// # Errors
    /// [`StripeError`], of which a status 409 means that Stripe is executing the first request.
    pub async fn settle(
        &self,
        stripe: &Stripe,
        operation: &str,
        subscription: &Subscription,
        release_key: &str,
    ) -> Result<bool, StripeError> {
        let schedule = subscription.schedule.as_ref().and_then(Expandable::object);
        // A phase that has begun leaves its mark on the subscription.
        if schedule.and_then(Schedule::operation) == Some(operation)
            || is_in_force(operation, subscription)
        {
            return Ok(true);
        }
        // Stripe refuses to cancel a subscription that has a schedule, so the first request was not executed. Sent again, and
        // its schedule released, it would undo the cancellation.
        if subscription.schedule.is_none() && subscription.ends_at().is_some() {
            return Ok(false);
        }
        if let Some(id) = self.left_schedule(stripe).await? {
            release(stripe, &id, release_key).await?;
        }
        Ok(false)
    }

    /// Returns the ID of the schedule that the first request made. Without it, only the same request tells. If Stripe never
    /// executed that one, it makes the schedule now, and the key is used up. Where Stripe no longer says what it made, the
    /// events do.
    async fn left_schedule(&self, stripe: &Stripe) -> Result<Option<String>, StripeError> {
        if self.schedule.is_some() {
            return Ok(self.schedule.clone());
        }
        let is_forgotten = Timestamp::now().seconds() - self.sent_at >= KEY_LIFETIME;
        if !is_forgotten {
            match self.create(stripe).await {
                Ok(draft) => return Ok(Some(draft.id)),
                // Somebody else has made a schedule, or the subscription has ended.
                Err(StripeError::Refused { status: 400 | 404, .. }) => return Ok(None),
                Err(error) if error.is_replayed_failure() => {}
                Err(error) => return Err(error),
            }
        }
        stripe.schedule_created_with(&self.key, self.sent_at - CLOCK_DIFFERENCE).await
    }
}

impl ScheduleDraft {
    /// Returns the end of the current period.
    ///
    /// # Errors
    /// [`StripeError`] if the schedule has no phase, or that has no end.
    pub fn ends_at(&self) -> Result<Timestamp, StripeError> {
        let end = self.phases.first().and_then(|phase| phase.get("end_date")?.as_i64());
        let end = end.and_then(|end| Timestamp::try_from(end).ok());
        end.ok_or_else(|| malformed("its phase has no end"))
    }
}

/// Adds the phase of the new plan to the schedule that the first request made. `key` is the idempotency key.
///
/// # Errors
/// [`StripeError`].
pub async fn add_phase(
    stripe: &Stripe,
    change: &Change<'_>,
    draft: &ScheduleDraft,
    (operation, attribution): (&str, &Attribution),
    key: String,
) -> Result<Schedule, StripeError> {
    let body = two_phases(change, draft, operation, attribution)?;
    stripe.send_built(post(format!("{PATH}/{}", draft.id), body), Some(key)).await
}

/// Releases a subscription from a schedule. `key` is the idempotency key.
///
/// # Errors
/// [`StripeError`], unless the schedule is over already.
pub async fn release(stripe: &Stripe, schedule: &str, key: &str) -> Result<(), StripeError> {
    let request = post(format!("{PATH}/{schedule}/release"), String::new());
    match stripe.send_built::<Schedule>(request, Some(key.to_owned())).await {
        Ok(_) | Err(StripeError::Refused { status: 400 | 404, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn post(path: String, body: String) -> RequestBuilder {
    let mut request = RequestBuilder::new(StripeMethod::Post, path);
    request.body = Some(body);
    request
}

fn malformed(reason: &str) -> StripeError {
    StripeError::Malformed { request_id: "a schedule".to_owned(), reason: reason.to_owned() }
}

/// Returns the body of the second request.
fn two_phases(
    change: &Change<'_>,
    draft: &ScheduleDraft,
    operation: &str,
    attribution: &Attribution,
) -> Result<String, StripeError> {
    let [current] = &draft.phases[..] else { return Err(malformed("it has not one phase")) };
    let items = current.get("items").and_then(Value::as_array);
    let items = items.ok_or_else(|| malformed("its phase has no items"))?;
    let items: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let start = current.get("start_date").and_then(Value::as_i64);
    let start = start.ok_or_else(|| malformed("its phase has no start"))?;
    let end = draft.ends_at()?.seconds();
    let mut form = Form::default();
    form.add("end_behavior", "release");
    form.add_mark("metadata", operation, attribution);
    for (phase, has_trial) in [("phases[0]", true), ("phases[1]", false)] {
        let repeated = current.iter().filter(|(name, _)| {
            !OWN.contains(&name.as_str()) && (has_trial || *name != "trial_end")
        });
        for (name, value) in repeated {
            form.add_value(&format!("{phase}[{name}]"), value);
        }
        form.add_discounts(phase, &change.subscription.discounts);
    }
    form.add("phases[0][start_date]", &start.to_string());
    form.add("phases[0][end_date]", &end.to_string());
    // `none` would leave the usage of a removed metered price unbilled.
    form.add("phases[1][proration_behavior]", "create_prorations");
    let every = change.to.shape.every;
    form.add("phases[1][duration][interval]", every.unit.as_str());
    form.add("phases[1][duration][interval_count]", &every.count.to_string());
    if change.changes_interval() {
        form.add("phases[1][billing_cycle_anchor]", "phase_start");
    }
    form.add_mark("phases[1][metadata]", operation, attribution);
    form.add_items(change, &items);
    Ok(form.finish())
}

/// Returns the ID of an object that may be expanded.
fn id_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str())
}

/// A request body.
struct Form(form_urlencoded::Serializer<'static, String>);

impl Default for Form {
    fn default() -> Self {
        Self(form_urlencoded::Serializer::new(String::new()))
    }
}

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        self.0.append_pair(name, value);
    }

    fn finish(mut self) -> String {
        self.0.finish()
    }

    fn add_mark(&mut self, metadata: &str, operation: &str, attribution: &Attribution) {
        self.add(&format!("{metadata}[{OPERATION_METADATA}]"), operation);
        for (name, value) in attribution.metadata() {
            self.add(&format!("{metadata}[{name}]"), value);
        }
    }

    /// Adds a value of a response as the parameter that sets it: an object with an ID by that ID, and nothing for null.
    fn add_value(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(flag) => self.add(name, &flag.to_string()),
            Value::Number(number) => self.add(name, &number.to_string()),
            Value::String(text) => self.add(name, text),
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    self.add_value(&format!("{name}[{number}]"), value);
                }
            }
            Value::Object(fields) => match fields.get("id").and_then(Value::as_str) {
                Some(id) if is_path_segment(id) => self.add(name, id),
                _ => {
                    // Why automatic tax is disabled is no parameter.
                    let settable = fields.iter().filter(|(name, _)| *name != "disabled_reason");
                    for (field, value) in settable {
                        self.add_value(&format!("{name}[{field}]"), value);
                    }
                }
            },
        }
    }

    /// Adds discounts by their own IDs: a coupon's ID would redeem the coupon again. No discount is an empty text; without
    /// it the customer's discount becomes the subscription's.
    fn add_discounts(&mut self, parent: &str, discounts: &[Expandable<Discount>]) {
        if discounts.is_empty() {
            self.add(&format!("{parent}[discounts]"), "");
        }
        for (number, discount) in discounts.iter().enumerate() {
            self.add(&format!("{parent}[discounts][{number}][discount]"), discount.id());
        }
    }

    /// Adds the items of both phases, given those of the current one.
    fn add_items(&mut self, change: &Change<'_>, items: &[&Map<String, Value>]) {
        let of_phase = |item: &Map<String, Value>| {
            let price = item.get("price").and_then(id_of)?;
            change.subscription.items.data.iter().find(|known| known.price.id == price)
        };
        for (number, item) in items.iter().enumerate() {
            self.add_item(&format!("phases[0][items][{number}]"), item, of_phase(item), None);
        }
        let mut number = 0;
        for item in items {
            let known = of_phase(item);
            let changed = known.and_then(|known| {
                change.items.iter().find(|changed| changed.id.as_ref() == Some(&known.id))
            });
            if changed.is_some_and(|changed| changed.deleted) {
                continue;
            }
            let price = changed.and_then(|changed| changed.price.as_deref());
            self.add_item(&format!("phases[1][items][{number}]"), item, known, price);
            number += 1;
        }
        let added = change.items.iter().filter(|changed| changed.id.is_none());
        for price in added.filter_map(|changed| changed.price.as_deref()) {
            self.add(&format!("phases[1][items][{number}][price]"), price);
            number += 1;
        }
    }

    /// Adds an item, with another price if `price` is set. `known` is the subscription's item.
    fn add_item(
        &mut self,
        parent: &str,
        item: &Map<String, Value>,
        known: Option<&SubscriptionItem>,
        price: Option<&str>,
    ) {
        const OWN: [&str; 3] = ["plan", "price", "discounts"];
        for (name, value) in item.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            self.add_value(&format!("{parent}[{name}]"), value);
        }
        if let Some(price) = price.or_else(|| item.get("price").and_then(id_of)) {
            self.add(&format!("{parent}[price]"), price);
        }
        if let Some(known) = known.filter(|known| !known.discounts.is_empty()) {
            self.add_discounts(parent, &known.discounts);
        }
    }
}

#[cfg(test)]
mod tests;
