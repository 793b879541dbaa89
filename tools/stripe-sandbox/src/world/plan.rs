//! Agenda entries of each object type.

use super::World;
use super::agenda::{ClockKey, Due, Entry};
use crate::model::checkout;
use crate::model::invoice::PaymentIntent;
use crate::model::schedule::Schedule;
use crate::model::subscription::Subscription;

impl World {
    pub(super) fn plan(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for (clock, due, at) in entries {
            self.agenda.set(clock, due, at);
        }
    }

    /// Returns the subscription's next change and the announcement of its trial's end.
    pub(super) fn subscription_entries(&self, sub: &Subscription) -> [Entry; 2] {
        let clock = ClockKey::from(&sub.test_clock);
        let now = self.now(sub.test_clock.as_deref());
        let announced = sub.trial_announced_at().filter(|at| *at > now);
        [
            (clock.clone(), Due::Subscription(sub.id.clone()), sub.next_due()),
            (clock, Due::TrialWillEnd(sub.id.clone()), announced),
        ]
    }

    pub(super) fn schedule_entries(&self, schedule: &Schedule) -> [Entry; 2] {
        let clock = ClockKey::from(&schedule.test_clock);
        let now = self.now(schedule.test_clock.as_deref());
        let announced = schedule.end_announced_at().filter(|at| *at > now);
        [
            (clock.clone(), Due::Schedule(schedule.id.clone()), schedule.next_due()),
            (clock, Due::ScheduleExpires(schedule.id.clone()), announced),
        ]
    }

    pub(super) fn payment_intent_entry(&self, intent: &PaymentIntent) -> Entry {
        let customer = self.customers.get(&intent.customer);
        let clock = customer.and_then(|customer| customer.test_clock.clone());
        (ClockKey::from(&clock), Due::PaymentIntent(intent.id.clone()), intent.next_due())
    }

    pub(super) fn checkout_entry(&self, session: &checkout::Session) -> Entry {
        let customer = session.customer.as_ref().and_then(|id| self.customers.get(id));
        let clock = customer.and_then(|customer| customer.test_clock.clone());
        (ClockKey::from(&clock), Due::Checkout(session.id.clone()), session.next_due())
    }
}
