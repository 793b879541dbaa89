//! Agenda: the next change of each object that needs no request, by clock.
//!
//! Storing an object updates its entry, so no entry is stale.

use std::collections::{BTreeSet, HashMap};

use crate::model::invoice::Invoice;
use crate::values::period::Timestamp;

#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ClockKey {
    Own,
    Test(String),
}

impl From<&Option<String>> for ClockKey {
    fn from(test_clock: &Option<String>) -> ClockKey {
        test_clock.clone().map_or(ClockKey::Own, ClockKey::Test)
    }
}

/// Object with a due change. Ordered for changes at the same time: payments before their invoices,
/// invoices before the periods that follow them, and schedules before the periods that they define.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    PaymentIntent(String),
    Invoice(String),
    Schedule(String),
    Subscription(String),
    Checkout(String),
    TrialWillEnd(String),
    ScheduleExpires(String),
}

#[derive(Default)]
pub struct Agenda {
    by_clock: HashMap<ClockKey, BTreeSet<(Timestamp, Due)>>,
    due_at: HashMap<Due, Timestamp>,
}

impl Agenda {
    pub fn set(&mut self, clock: ClockKey, due: Due, at: Option<Timestamp>) {
        let entries = self.by_clock.entry(clock).or_default();
        if let Some(before) = self.due_at.remove(&due) {
            entries.remove(&(before, due.clone()));
        }
        if let Some(at) = at {
            entries.insert((at, due.clone()));
            self.due_at.insert(due, at);
        }
    }

    /// Returns the first entry due by `target`.
    pub fn next(&self, clock: &ClockKey, target: Timestamp) -> Option<(Timestamp, Due)> {
        self.by_clock.get(clock)?.first().filter(|(at, _)| *at <= target).cloned()
    }
}

/// Entry of the agenda.
pub type Entry = (ClockKey, Due, Option<Timestamp>);

pub fn invoice_entry(invoice: &Invoice) -> Entry {
    let due = Due::Invoice(invoice.id.clone());
    (ClockKey::from(&invoice.test_clock), due, invoice.next_due())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_entry_replaces_the_previous_one() {
        let mut agenda = Agenda::default();
        let (a, b) = (Due::Subscription("a".into()), Due::Invoice("b".into()));
        agenda.set(ClockKey::Own, a.clone(), Some(10));
        agenda.set(ClockKey::Own, a.clone(), Some(30));
        agenda.set(ClockKey::Own, b.clone(), Some(20));
        assert!(agenda.next(&ClockKey::Own, 19).is_none());
        assert!(agenda.next(&ClockKey::Own, 99) == Some((20, b.clone())));
        agenda.set(ClockKey::Own, b, None);
        assert!(agenda.next(&ClockKey::Own, 99) == Some((30, a)));
    }
}
