//! Invoice lines for metered usage.

use rust_decimal::Decimal;

use crate::model::invoice::Line;
use crate::model::subscription::{Item, Subscription};
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

impl World {
    /// Returns the lines for an item's unbilled usage before `to`.
    pub fn usage_lines(
        &self,
        sub: &Subscription,
        item: &Item,
        unbilled: Unbilled,
        to: Timestamp,
    ) -> Vec<Line> {
        let used = self.total_usage(sub, item, unbilled, to);
        self.item_context(sub, item).usage(used, unbilled, to)
    }

    fn total_usage(
        &self,
        sub: &Subscription,
        item: &Item,
        unbilled: Unbilled,
        to: Timestamp,
    ) -> Decimal {
        let meter = self.price(&item.price).meter().and_then(|id| self.meters.get(id));
        meter.map_or(Decimal::ZERO, |meter| {
            self.usage.total(&meter.id, &sub.customer, meter.aggregation, unbilled, to)
        })
    }

    /// Returns the lines for all usage that was reported while the item's price was in force.
    /// Finalizing does not count it again. Empty if there is no usage.
    pub fn closing_usage(&self, sub: &Subscription, item: &Item, now: Timestamp) -> Vec<Line> {
        // Event timestamps can be up to five minutes in the future.
        let to = item.period.1;
        let used = self.total_usage(sub, item, item.usage, to);
        if used.is_zero() {
            return Vec::new();
        }
        let mut lines = self.item_context(sub, item).usage(used, item.usage, to);
        for line in &mut lines {
            line.metered = None;
            line.period.1 = now;
        }
        lines
    }

    /// Returns usage from `from` without the events reported so far.
    pub fn skip_reported_usage(&self, from: Timestamp) -> Unbilled {
        Unbilled { from, after: self.usage.last_event_number() }
    }
}
