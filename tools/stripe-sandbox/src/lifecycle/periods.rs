//! Renewal of periods, and the lines of the new ones.

use crate::model::invoice::Line;
use crate::model::subscription::Subscription;
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

/// Returns the subscription after the periods that end at `at` were renewed, and the invoice lines.
/// Pending items are not included.
pub fn next_periods(world: &World, sub: &Subscription, at: Timestamp) -> (Subscription, Vec<Line>) {
    let mut next = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in next.items.iter_mut().zip(&sub.items) {
        if old.period.1 > at {
            continue;
        }
        let context = world.item_context(sub, old);
        if old.quantity.is_none() {
            lines.extend(world.usage_lines(sub, old, old.usage, at));
        }
        item.period = context.interval().period_at(sub.anchor, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    (next, lines)
}

/// Starts a period of every item at `at`, which becomes the anchor. Usage before it is not billed.
pub fn start_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    sub.anchor = at;
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.item_context(&snapshot, old);
        item.period = context.interval().period_at(at, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    lines
}
