//! Cost of a whole period of an item. Prorations are parts of it.

use crate::engine::invoice::compute_totals;
use crate::model::subscription::{BillingMode, Item, Subscription};
use crate::values::cost::Cost;
use crate::values::period::Timestamp;
use crate::world::World;

impl World {
    /// Returns the cost of a period of `item` at `at`. Flexible billing splits the subscription's
    /// fixed discounts among the items that renew together. Classic billing takes all of them off
    /// each item.
    pub fn period_cost(
        &self,
        sub: &Subscription,
        items: &[Item],
        item: &Item,
        at: Timestamp,
    ) -> Cost {
        let interval = self.item_context(sub, item).interval();
        let together = items.iter().filter(|other| {
            other.id == item.id
                || (sub.mode == BillingMode::Flexible
                    && self.item_context(sub, other).interval() == interval)
        });
        let (mut lines, mut own) = (Vec::new(), Vec::new());
        for one in together {
            let made = self.item_context(sub, one).period_ahead(one.period);
            own.extend(made.iter().map(|_| one.id == item.id));
            lines.extend(made);
        }
        let mut ids = Vec::new();
        for line in &mut lines {
            line.item_discounts = self.discounts_in_force(&line.item_discounts, at);
            ids.extend(line.item_discounts.clone());
        }
        let discounts = self.discounts_in_force(&sub.discounts, at);
        let discounts = self.applied_discounts(&discounts);
        compute_totals(&mut lines, &self.applied_discounts(&ids), &discounts, &[], sub.currency);
        let mut cost = Cost::default();
        for (line, _) in lines.iter().zip(own).filter(|(_, own)| *own) {
            cost.add(line.amount, &line.discount_amounts);
        }
        cost
    }
}
