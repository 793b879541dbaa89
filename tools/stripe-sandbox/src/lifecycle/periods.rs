//! The periods that follow, and their lines.

use crate::model::invoice::Line;
use crate::model::subscription::Subscription;
use crate::model::usage::Unbilled;
use crate::values::period::Timestamp;
use crate::world::World;

/// The subscription as it is once the periods that end at `at` have been followed by the next ones,
/// and the lines of the invoice for that. Pending items are not among them.
pub fn turn(world: &World, sub: &Subscription, at: Timestamp) -> (Subscription, Vec<Line>) {
    let mut next = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in next.items.iter_mut().zip(&sub.items) {
        if old.period.1 > at {
            continue;
        }
        let context = world.context(sub, old);
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

/// All items start a period at `at`, counted from there. What was used before is not billed.
pub fn begin_periods(world: &World, sub: &mut Subscription, at: Timestamp) -> Vec<Line> {
    sub.anchor = at;
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, old);
        item.period = context.interval().period_at(at, at);
        item.usage = Unbilled::since(at);
        item.debits.clear();
        lines.extend(context.period_ahead(item.period));
    }
    lines
}
