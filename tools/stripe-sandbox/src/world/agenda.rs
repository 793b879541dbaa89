//! What time will do next, by clock.
//!
//! The agenda is derived: whenever a subscription or an invoice is put back, its next moment is
//! noted anew. An entry can therefore never be stale.

use std::collections::{BTreeSet, HashMap};

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

/// Ordered: at one and the same moment invoices come before the periods that follow them, and a
/// schedule says first what those are to be.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    Invoice(String),
    Schedule(String),
    Subscription(String),
}

#[derive(Default)]
pub struct Agenda {
    by_clock: HashMap<ClockKey, BTreeSet<(Timestamp, Due)>>,
    noted: HashMap<Due, Timestamp>,
}

impl Agenda {
    pub fn set(&mut self, clock: ClockKey, due: Due, at: Option<Timestamp>) {
        let entries = self.by_clock.entry(clock).or_default();
        if let Some(before) = self.noted.remove(&due) {
            entries.remove(&(before, due.clone()));
        }
        if let Some(at) = at {
            entries.insert((at, due.clone()));
            self.noted.insert(due, at);
        }
    }

    /// The first thing due by `target`.
    pub fn next(&self, clock: &ClockKey, target: Timestamp) -> Option<(Timestamp, Due)> {
        self.by_clock.get(clock)?.first().filter(|(at, _)| *at <= target).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_note_about_a_thing_counts() {
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
