//! What metered customers used: events in, one number per period out.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;

use super::period::Timestamp;
use crate::model::catalog::Aggregation;

/// All usage, by meter and customer, in the order of its timestamps.
#[derive(Default)]
pub struct Usage {
    events: HashMap<(String, String), BTreeMap<(Timestamp, u64), Decimal>>,
    identifiers: HashMap<String, Timestamp>,
    next: u64,
}

impl Usage {
    /// False if an event with this identifier was taken before.
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

    /// The usage in `[from, to)`.
    pub fn total(
        &self,
        meter: &str,
        customer: &str,
        how: Aggregation,
        (from, to): (Timestamp, Timestamp),
    ) -> Decimal {
        let Some(series) = self.events.get(&(meter.to_owned(), customer.to_owned())) else {
            return Decimal::ZERO;
        };
        if from >= to {
            return Decimal::ZERO;
        }
        let mut values = series.range((from, 0)..(to, 0)).map(|(_, value)| *value);
        match how {
            Aggregation::Sum => values.sum(),
            Aggregation::Count => Decimal::from(values.count()),
            Aggregation::Last => values.next_back().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_aggregation_sees_only_its_period() {
        let mut usage = Usage::default();
        for (at, value) in [(99, 50), (100, 1), (150, 2), (150, 4), (200, 8)] {
            usage.add("mtr", "cus", at, Decimal::from(value));
        }
        let total = |how| usage.total("mtr", "cus", how, (100, 200));
        assert_eq!(total(Aggregation::Sum), Decimal::from(7));
        assert_eq!(total(Aggregation::Count), Decimal::from(3));
        assert_eq!(total(Aggregation::Last), Decimal::from(4));
        assert_eq!(usage.total("mtr", "other", Aggregation::Sum, (0, 999)), Decimal::ZERO);
    }

    #[test]
    fn an_identifier_counts_once() {
        let mut usage = Usage::default();
        assert!(usage.claim("a", 1));
        assert!(!usage.claim("a", 2));
    }
}
