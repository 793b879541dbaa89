//! The operator's limits on plan changes. No I/O.

use std::fmt;

use super::direction::Direction;
use crate::stripe::views::Subscription;
use crate::values::Timestamp;

/// The operator's limits on plan changes.
///
/// Each change of a metered price starts a new allowance, so a customer who changes back and forth uses several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeLimits {
    /// Largest number of changes of a subscription in one billing period.
    pub changes_per_period: u32,
    /// Whether a downgrade may take effect before the end of the period.
    pub downgrades_now: bool,
}

impl Default for ChangeLimits {
    fn default() -> Self {
        Self { changes_per_period: 10, downgrades_now: true }
    }
}

impl ChangeLimits {
    /// Returns the time from which the plan can be changed again; `None` if it can be now.
    pub fn retry_at(&self, subscription: &Subscription) -> Option<Timestamp> {
        let counter = Counter::of(subscription);
        (counter.changes >= self.changes_per_period).then_some(counter.until)
    }

    /// Returns whether a change of this direction may take effect now.
    pub fn allow_now(&self, direction: Direction) -> bool {
        self.downgrades_now || direction != Direction::Downgrade
    }
}

/// The number of changes in a period, which a subscription has in its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    changes: u32,
    /// End of the period in which they are counted. A change that starts a new billing cycle does not start a new count.
    until: Timestamp,
}

impl Counter {
    /// Metadata key of a subscription.
    pub(super) const KEY: &str = "cantila_changes";

    /// Reads the counter. It begins anew once its period is over.
    pub(super) fn of(subscription: &Subscription) -> Self {
        let read = |text: &String| {
            let (changes, until) = text.split_once(" until ")?;
            let until = until.parse::<i64>().ok()?;
            Some(Self { changes: changes.parse().ok()?, until: Timestamp::try_from(until).ok()? })
        };
        let now = subscription.now();
        let counter = subscription.metadata.get(Self::KEY).and_then(read);
        counter.filter(|counter| counter.until > now).unwrap_or_else(|| {
            let ends = subscription.items.data.iter().map(|item| item.current_period_end);
            Self { changes: 0, until: ends.min().unwrap_or(now) }
        })
    }

    /// Returns the counter after another change.
    pub(super) fn next(self) -> Self {
        Self { changes: self.changes.saturating_add(1), ..self }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.changes, self.until.seconds())
    }
}

#[cfg(test)]
mod tests {
    use fixtures::{PERIOD_END, view, with};
    use serde_json::{Value, json};

    use super::*;

    fn subscription(metadata: &Value) -> Subscription {
        let items = fixtures::items(&[("prod_pro", "licensed")]);
        let change = json!({
            "metadata": metadata,
            "test_clock": { "id": "clock_1", "frozen_time": PERIOD_END - 100 },
        });
        view(with(fixtures::subscription("sub_1", "active", &items), &change))
    }

    #[test]
    fn changes_are_counted_until_the_period_ends() {
        let text = |changes: u32, until: i64| format!("{changes} until {until}");
        let later = PERIOD_END + 500;
        // metadata → the counter of the next change, and the refusal's end at two changes a period
        let cases = [
            (Value::Null, text(1, PERIOD_END), None),
            (json!(text(1, PERIOD_END)), text(2, PERIOD_END), None),
            (json!(text(2, PERIOD_END)), text(3, PERIOD_END), Some(PERIOD_END)),
            // A new billing cycle has begun since, and the count goes on.
            (json!(text(2, later)), text(3, later), Some(later)),
            (json!(text(2, PERIOD_END - 100)), text(1, PERIOD_END), None),
            (json!("2 times"), text(1, PERIOD_END), None),
        ];
        let limits = ChangeLimits { changes_per_period: 2, ..ChangeLimits::default() };
        for (value, next, retry_at) in cases {
            let metadata = if value.is_null() { json!({}) } else { json!({ Counter::KEY: value }) };
            let subscription = subscription(&metadata);
            let counter = Counter::of(&subscription).next();
            assert_eq!(counter.to_string(), next, "{metadata}");
            let refused = limits.retry_at(&subscription).map(Timestamp::seconds);
            assert_eq!(refused, retry_at, "{metadata}");
        }
    }

    #[test]
    fn downgrades_can_be_refused() {
        let limits = ChangeLimits { downgrades_now: false, ..ChangeLimits::default() };
        let allowed = [Direction::Upgrade, Direction::Lateral, Direction::Downgrade]
            .map(|direction| limits.allow_now(direction));
        assert_eq!(allowed, [true, true, false]);
        assert!(ChangeLimits::default().allow_now(Direction::Downgrade));
    }
}
