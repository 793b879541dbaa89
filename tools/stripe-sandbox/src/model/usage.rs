//! Metered usage: events in, one number per period out.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::catalog::Aggregation;
use crate::values::period::Timestamp;

/// Start of an item's unbilled usage.
///
/// A meter can continue to count for another price in the middle of a period, and within one
/// second. The time alone cannot separate billed from unbilled events, so their order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbilled {
    /// Earliest time of usage that counts.
    pub from: Timestamp,
    /// Number of the last event that was billed.
    pub after: u64,
}

impl Unbilled {
    pub fn since(from: Timestamp) -> Unbilled {
        Unbilled { from, after: 0 }
    }
}

type Events = HashMap<(String, String), BTreeMap<(Timestamp, u64), Decimal>>;

/// All usage, by meter and customer, ordered by time.
#[derive(Default, Serialize, Deserialize)]
pub struct Usage {
    #[serde(serialize_with = "flat", deserialize_with = "series")]
    events: Events,
    identifiers: HashMap<String, Timestamp>,
    next: u64,
}

impl Usage {
    /// Records the identifier of an event. Returns false if it was used before.
    pub fn claim(&mut self, identifier: &str, at: Timestamp) -> bool {
        if self.identifiers.contains_key(identifier) {
            return false;
        }
        self.identifiers.insert(identifier.to_owned(), at);
        true
    }

    pub fn add(&mut self, meter: &str, customer: &str, at: Timestamp, value: Decimal) {
        self.next += 1;
        let series = self.events.entry((meter.to_owned(), customer.to_owned())).or_default();
        series.insert((at, self.next), value);
    }

    /// Returns the number of the last recorded event.
    pub fn last_event_number(&self) -> u64 {
        self.next
    }

    /// Returns the starts of the windows that have events, oldest first. Windows of this length
    /// follow one another from the Unix epoch on.
    pub fn windows(
        &self,
        meter: &str,
        customer: &str,
        times: Range<Timestamp>,
        length: i64,
    ) -> BTreeSet<Timestamp> {
        let series = self.events.get(&(meter.to_owned(), customer.to_owned()));
        let events = series.into_iter().flat_map(|series| series.keys());
        let within = events.map(|(at, _)| *at).filter(|at| times.contains(at));
        within.map(|at| at - at.rem_euclid(length)).collect()
    }

    /// Returns the unbilled usage before `to`.
    pub fn total(
        &self,
        meter: &str,
        customer: &str,
        how: Aggregation,
        Unbilled { from, after }: Unbilled,
        to: Timestamp,
    ) -> Decimal {
        let Some(series) = self.events.get(&(meter.to_owned(), customer.to_owned())) else {
            return Decimal::ZERO;
        };
        if from >= to {
            return Decimal::ZERO;
        }
        let counted = series.range((from, 0)..(to, 0)).filter(|((_, number), _)| *number > after);
        let mut values = counted.map(|(_, value)| *value);
        match how {
            Aggregation::Sum => values.fold(Decimal::ZERO, Decimal::saturating_add),
            Aggregation::Count => Decimal::from(values.count()),
            Aggregation::Last => values.next_back().unwrap_or_default(),
        }
    }
}

/// Event in a snapshot: meter, customer, time, number and value.
type Event<'a> = (Cow<'a, str>, Cow<'a, str>, Timestamp, u64, Decimal);

fn flat<S: Serializer>(events: &Events, serializer: S) -> Result<S::Ok, S::Error> {
    let flat = events.iter().flat_map(|((meter, customer), series)| {
        series.iter().map(move |((at, number), value)| -> Event<'_> {
            (meter.into(), customer.into(), *at, *number, *value)
        })
    });
    serializer.collect_seq(flat)
}

fn series<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Events, D::Error> {
    let mut events = Events::new();
    for (meter, customer, at, number, value) in Vec::<Event<'_>>::deserialize(deserializer)? {
        let key = (meter.into_owned(), customer.into_owned());
        events.entry(key).or_default().insert((at, number), value);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregations_count_only_usage_in_the_period() {
        let mut usage = Usage::default();
        for (at, value) in [(99, 50), (100, 1), (150, 2), (150, 4), (200, 8)] {
            usage.add("mtr", "cus", at, Decimal::from(value));
        }
        let total = |how| usage.total("mtr", "cus", how, Unbilled::since(100), 200);
        assert_eq!(total(Aggregation::Sum), Decimal::from(7));
        assert_eq!(total(Aggregation::Count), Decimal::from(3));
        assert_eq!(total(Aggregation::Last), Decimal::from(4));
        let other = usage.total("mtr", "other", Aggregation::Sum, Unbilled::since(0), 999);
        assert_eq!(other, Decimal::ZERO);
    }

    #[test]
    fn billed_usage_is_not_counted_again_within_the_same_second() {
        let mut usage = Usage::default();
        usage.add("mtr", "cus", 100, Decimal::from(7));
        let rest = Unbilled { from: 50, after: usage.last_event_number() };
        usage.add("mtr", "cus", 100, Decimal::from(2));
        usage.add("mtr", "cus", 90, Decimal::from(1));
        assert_eq!(
            usage.total("mtr", "cus", Aggregation::Sum, rest, 200),
            Decimal::from(3),
            "the late event as well"
        );
    }

    #[test]
    fn identifier_is_accepted_once() {
        let mut usage = Usage::default();
        assert!(usage.claim("a", 1));
        assert!(!usage.claim("a", 2));
    }
}
