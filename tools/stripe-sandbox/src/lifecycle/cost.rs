//! What a whole period of an item costs at present: what prorations are parts of.

use crate::engine::invoice::add_up;
use crate::model::subscription::{BillingMode, Item, Subscription};
use crate::values::cost::Cost;
use crate::values::period::Timestamp;
use crate::world::World;

impl World {
    /// Flexible billing spreads the subscription's fixed discounts over the items that renew together,
    /// classic billing takes all of them off each item.
    pub fn cost(&self, sub: &Subscription, items: &[Item], item: &Item, at: Timestamp) -> Cost {
        let interval = self.context(sub, item).interval();
        let together = items.iter().filter(|other| {
            other.id == item.id
                || (sub.mode == BillingMode::Flexible
                    && self.context(sub, other).interval() == interval)
        });
        let (mut lines, mut own) = (Vec::new(), Vec::new());
        for one in together {
            let made = self.context(sub, one).period_ahead(one.period);
            own.extend(made.iter().map(|_| one.id == item.id));
            lines.extend(made);
        }
        let mut ids = Vec::new();
        for line in &mut lines {
            line.item_discounts = self.discounts_in_force(&line.item_discounts, at);
            ids.extend(line.item_discounts.clone());
        }
        let discounts = self.discounts_in_force(&sub.discounts, at);
        let discounts = self.applied(&discounts);
        add_up(&mut lines, &self.applied(&ids), &discounts, &[], sub.currency);
        let mut cost = Cost::default();
        for (line, _) in lines.iter().zip(own).filter(|(_, own)| *own) {
            cost.add(line.amount, &line.discount_amounts);
        }
        cost
    }
}
