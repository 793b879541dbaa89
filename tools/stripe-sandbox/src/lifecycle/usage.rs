//! Usage of metered items as invoice lines.

use rust_decimal::Decimal;

use crate::model::invoice::Line;
use crate::model::subscription::{Item, Subscription};
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

impl World {
    /// The lines for what an item's customer used in `period`.
    pub fn usage_lines(
        &self,
        sub: &Subscription,
        item: &Item,
        unbilled: Unbilled,
        to: Timestamp,
    ) -> Vec<Line> {
        let used = self.used(sub, item, unbilled, to);
        self.context(sub, item).usage(used, unbilled, to)
    }

    fn used(&self, sub: &Subscription, item: &Item, unbilled: Unbilled, to: Timestamp) -> Decimal {
        let meter = self.price(&item.price).meter().and_then(|id| self.meters.get(id));
        meter.map_or(Decimal::ZERO, |meter| {
            self.usage.total(&meter.id, &sub.customer, meter.aggregation, unbilled, to)
        })
    }

    /// Bills at `now` what was reported while the item's price was in force, for good: these lines
    /// are not counted again. None if nothing was used.
    pub fn closing_usage(&self, sub: &Subscription, item: &Item, now: Timestamp) -> Vec<Line> {
        // Events may be up to five minutes ahead of their time.
        let to = item.period.1;
        let used = self.used(sub, item, item.usage, to);
        if used.is_zero() {
            return Vec::new();
        }
        let mut lines = self.context(sub, item).usage(used, item.usage, to);
        for line in &mut lines {
            line.metered = None;
            line.period.1 = now;
        }
        lines
    }

    /// What is left to be billed of a meter once all that was reported so far has been.
    pub fn rest_of_usage(&self, from: Timestamp) -> Unbilled {
        Unbilled { from, after: self.usage.taken() }
    }
}
