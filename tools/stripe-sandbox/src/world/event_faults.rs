//! Faults of the event list: lost, duplicated, reversed and late events.

use serde::{Deserialize, Serialize};

use crate::model::event::{Event, fits};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFaultKind {
    /// The event is never listed.
    Lose,
    /// A second event with its own ID reports the same change.
    Duplicate,
    /// The affected events are listed in reverse order, as far as one request lists them for the
    /// first time.
    Reverse,
    /// The event is listed `seconds` after it was created, at the place of its creation.
    Late,
}

/// Fault for the next `count` events whose type fits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFault {
    kind: EventFaultKind,
    /// `*` stands for any text.
    #[serde(rename = "type", default = "any")]
    pattern: String,
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    seconds: u32,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u32 {
    1
}

#[derive(Default)]
pub struct EventFaults {
    waiting: Vec<EventFault>,
}

impl EventFaults {
    pub fn add(&mut self, fault: EventFault) {
        self.waiting.push(fault);
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    pub fn waiting(&self) -> &[EventFault] {
        &self.waiting
    }

    /// Returns the fault of the event, and counts it.
    fn take(&mut self, name: &str) -> Option<EventFault> {
        let at = self.waiting.iter().position(|fault| fits(name, &fault.pattern))?;
        let fault = self.waiting[at].clone();
        self.waiting[at].count = fault.count.saturating_sub(1);
        self.waiting.retain(|fault| fault.count > 0);
        Some(fault)
    }

    /// Applies the faults to new events, oldest first. `new_id` names the duplicates.
    pub fn apply(&mut self, events: Vec<Event>, mut new_id: impl FnMut() -> String) -> Vec<Event> {
        let mut listed: Vec<Event> = Vec::new();
        let mut reversed = Vec::new();
        for mut event in events {
            match self.take(&event.name) {
                None => listed.push(event),
                Some(EventFault { kind: EventFaultKind::Lose, .. }) => {}
                Some(EventFault { kind: EventFaultKind::Duplicate, .. }) => {
                    let twin = Event { id: new_id(), ..event.clone() };
                    listed.extend([event, twin]);
                }
                Some(EventFault { kind: EventFaultKind::Reverse, .. }) => {
                    reversed.push(listed.len());
                    listed.push(event);
                }
                Some(EventFault { kind: EventFaultKind::Late, seconds, .. }) => {
                    event.listed_at = event.created + i64::from(seconds);
                    listed.push(event);
                }
            }
        }
        let half = reversed.len() / 2;
        for (one, other) in reversed.iter().zip(reversed.iter().rev()).take(half) {
            listed.swap(*one, *other);
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Cause;

    fn event(name: &str) -> Event {
        Event {
            id: name.to_owned(),
            name: name.to_owned(),
            created: 100,
            listed_at: 100,
            cause: Cause::default(),
            data: String::new(),
        }
    }

    /// Returns the listed IDs and times.
    fn listed(faults: &[&str]) -> Vec<(String, i64)> {
        let mut all = EventFaults::default();
        for fault in faults {
            all.add(serde_json::from_str(fault).unwrap());
        }
        let events = ["a.x", "b.x", "a.y", "c.x"].map(event).to_vec();
        let listed = all.apply(events, || "twin".to_owned());
        listed.into_iter().map(|event| (event.id, event.listed_at)).collect()
    }

    #[test]
    fn each_fault_affects_the_next_fitting_events() {
        for (faults, expected) in [
            (&[][..], &[("a.x", 100), ("b.x", 100), ("a.y", 100), ("c.x", 100)][..]),
            (&[r#"{"kind":"lose","type":"a.*","count":9}"#], &[("b.x", 100), ("c.x", 100)]),
            (
                &[r#"{"kind":"duplicate"}"#],
                &[("a.x", 100), ("twin", 100), ("b.x", 100), ("a.y", 100), ("c.x", 100)],
            ),
            (
                &[r#"{"kind":"reverse","type":"*.x","count":3}"#],
                &[("c.x", 100), ("b.x", 100), ("a.y", 100), ("a.x", 100)],
            ),
            (
                &[
                    r#"{"kind":"late","type":"b.x","seconds":50}"#,
                    r#"{"kind":"lose","type":"c.x"}"#,
                ],
                &[("a.x", 100), ("b.x", 150), ("a.y", 100)],
            ),
        ] {
            let expected: Vec<(String, i64)> =
                expected.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect();
            assert_eq!(listed(faults), expected, "{faults:?}");
        }
    }
}
