//! Derivation of events from recorded changes. No other code creates events.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::charge_json::last_charge;
use super::coupons;
use super::event_diff::previous_attributes;
use super::event_sources::{AttemptFailure, Context, Source};
use super::event_sources_billing::{attempt_failure, discounts_of};
use super::event_sources_catalog::Plan;
use crate::model::catalog::Price;
use crate::model::event::{Event, RETENTION};
use crate::model::invoice::{IntentStatus, PaymentIntent};
use crate::model::subscription::Subscription;
use crate::values::period::Timestamp;
use crate::world::World;
use crate::world::changes::{Change, Changed, Notice, Unit};

/// Maximum number of events that are kept.
const CAPACITY: usize = 200_000;

/// Derives the events of all recorded changes and adds them to the list, with event faults applied.
/// Removes events that are older than the retention.
pub fn settle(world: &mut World) {
    let mut events = Vec::new();
    for unit in world.changes.take() {
        for (name, data) in derive(world, &unit) {
            let id = world.event_ids.id("evt");
            let (created, cause) = (unit.created, unit.cause.clone());
            events.push(Event { id, name, created, listed_at: created, cause, data });
        }
    }
    let ids = &mut world.event_ids;
    for event in world.event_faults.apply(events, || ids.id("evt")) {
        world.events.put(event);
    }
    let oldest = world.now(None) - RETENTION;
    let excess = world.events.len().saturating_sub(CAPACITY);
    let ends = |(index, event): &(usize, &Event)| *index < excess || event.created < oldest;
    let ended = world.events.all().enumerate().take_while(ends);
    let ended: Vec<String> = ended.map(|(_, event)| event.id.clone()).collect();
    for id in ended {
        world.events.remove(&id);
    }
    drop(world.events.take_changes());
}

/// Returns type and `data` of the unit's events, in order.
fn derive(world: &World, unit: &Unit) -> Vec<(String, String)> {
    let failures = failures(world, unit);
    let context = Context { world, failures: &failures };
    let mut derived = Derived { context, created: unit.created, events: Vec::new() };
    for changed in &unit.changes {
        derived.add(changed);
    }
    derived.add_failures_of_unchanged_invoices(unit);
    derived.events
}

/// Returns the failed payment attempts by invoice.
fn failures(world: &World, unit: &Unit) -> BTreeMap<String, AttemptFailure> {
    let mut failures = BTreeMap::new();
    for changed in &unit.changes {
        let Changed::PaymentIntent(Change { before, after: Some(intent) }) = changed else {
            continue;
        };
        let key = format!("payment_intent={}", intent.id);
        let payment = world.invoice_payments.under(&key).next_back();
        let failure = attempt_failure(intent, before.as_deref());
        let failed = payment.zip(failure);
        failures.extend(failed.map(|(payment, failure)| (payment.invoice.clone(), failure)));
    }
    failures
}

struct Derived<'a> {
    context: Context<'a>,
    created: Timestamp,
    events: Vec<(String, String)>,
}

impl Derived<'_> {
    fn add(&mut self, changed: &Changed) {
        match changed {
            Changed::Product(change) => self.change(change),
            Changed::Price(change) => self.price(change),
            Changed::Meter(change) => self.change(change),
            Changed::TaxRate(change) => self.change(change),
            Changed::Coupon(change) => self.change(change),
            Changed::PromotionCode(change) => self.change(change),
            Changed::PortalConfiguration(change) => self.change(change),
            Changed::TestClock(change) => self.change(change),
            Changed::Customer(change) => self.change(change),
            Changed::PaymentMethod(change) => self.change(change),
            Changed::InvoiceItem(change) => self.change(change),
            Changed::PaymentIntent(change) => self.intent(change),
            Changed::Invoice(change) => self.change(change),
            Changed::InvoicePayment(change) => self.change(change),
            Changed::Subscription(change) => self.subscription(change),
            Changed::Schedule(change) => self.change(change),
            Changed::Checkout(change) => self.change(change),
            Changed::Portal(change) => self.change(change),
            Changed::Notice(Notice::TrialWillEnd(sub)) => self.verb(&**sub, "trial_will_end", None),
            Changed::Notice(Notice::ScheduleExpires(schedule)) => {
                self.verb(&**schedule, "expiring", None);
            }
            Changed::Notice(Notice::InvoiceSent(invoice)) => self.verb(&**invoice, "sent", None),
        }
    }

    fn push(&mut self, name: String, object: Value, previous: Option<Value>) {
        let mut data = Map::from_iter([("object".to_owned(), object)]);
        data.extend(previous.map(|previous| ("previous_attributes".to_owned(), previous)));
        self.events.push((name, Value::Object(data).to_string()));
    }

    fn verb<T: Source>(&mut self, object: &T, verb: &str, previous: Option<Value>) {
        let json = object.json(self.context.world);
        self.push(format!("{}.{verb}", T::NOUN), json, previous);
    }

    fn life<T: Source>(&mut self, object: &T, verb: &str, previous: Option<Value>) {
        if T::LIFE.contains(&verb) {
            self.verb(object, verb, previous);
        }
    }

    fn change<T: Source>(&mut self, change: &Change<T>) {
        self.versions(change.before.as_deref(), change.after.as_deref());
    }

    fn versions<T: Source>(&mut self, before: Option<&T>, after: Option<&T>) {
        let Some(now) = after else {
            if let Some(before) = before {
                self.life(before, "deleted", None);
            }
            return;
        };
        let mut previous = None;
        match before {
            None => self.life(now, "created", None),
            Some(before) if before.is_gone() && !now.is_gone() => self.life(now, "created", None),
            Some(before) if !before.is_gone() && now.is_gone() => self.life(now, "deleted", None),
            Some(before) => {
                let world = self.context.world;
                previous = previous_attributes(&before.json(world), &now.json(world));
                if previous.as_ref().is_some_and(is_update::<T>) {
                    self.life(now, "updated", previous.clone());
                }
            }
        }
        for verb in now.transitions(before, &self.context) {
            // Without it, the event would not name the customer.
            let previous = previous.clone().filter(|_| verb == "detached");
            self.verb(now, verb, previous);
        }
    }

    fn price(&mut self, change: &Change<Price>) {
        self.change(change);
        let recurring = |price: &&Price| price.recurring.is_some();
        let before = change.before.as_deref().filter(recurring).map(Plan);
        let after = change.after.as_deref().filter(recurring).map(Plan);
        self.versions(before.as_ref(), after.as_ref());
    }

    fn intent(&mut self, change: &Change<PaymentIntent>) {
        self.change(change);
        let Some(intent) = &change.after else { return };
        let state = |intent: &Arc<PaymentIntent>| {
            (intent.charge.clone(), intent.status == IntentStatus::Processing)
        };
        if change.before.as_ref().map(state) == Some(state(intent)) {
            return;
        }
        if let Some(charge) = last_charge(self.context.world, intent, self.created) {
            let name = format!("charge.{}", charge["status"].as_str().unwrap_or_default());
            self.push(name, charge, None);
        }
    }

    fn subscription(&mut self, change: &Change<Subscription>) {
        let ids = |sub: &Option<Arc<Subscription>>| -> Vec<String> {
            sub.iter().flat_map(|sub| discounts_of(sub)).cloned().collect()
        };
        let (before, after) = (ids(&change.before), ids(&change.after));
        for (ids, others, name) in [
            (&after, &before, "customer.discount.created"),
            (&before, &after, "customer.discount.deleted"),
        ] {
            for id in ids.iter().filter(|id| !others.contains(id)) {
                let discount = self.context.world.discounts.get(id).map(coupons::discount_to_json);
                if let Some(discount) = discount {
                    self.push(name.to_owned(), discount, None);
                }
            }
        }
        self.change(change);
    }

    /// Adds the events of failed attempts that changed nothing of their invoice.
    fn add_failures_of_unchanged_invoices(&mut self, unit: &Unit) {
        for (id, failure) in self.context.failures {
            let is_it = |changed: &Changed| matches!(changed, Changed::Invoice(Change { after: Some(invoice), .. }) if invoice.id == *id);
            if unit.changes.iter().any(is_it) {
                continue;
            }
            if let Some(invoice) = self.context.world.invoices().get(id) {
                for verb in failure.events() {
                    self.verb(invoice, verb, None);
                }
            }
        }
    }
}

/// Returns whether more than quiet fields changed.
fn is_update<T: Source>(previous: &Value) -> bool {
    previous
        .as_object()
        .is_none_or(|fields| fields.keys().any(|field| !T::QUIET.contains(&field.as_str())))
}
