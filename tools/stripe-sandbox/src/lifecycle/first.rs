//! The first periods of subscriptions and items, and what they cost.

use crate::engine::lines::Context;
use crate::model::invoice::Line;
use crate::model::subscription::Subscription;
use crate::values::cost::share;
use crate::values::period::Timestamp;
use crate::world::World;

/// Sets the items' first periods and returns what is charged for them.
pub fn first_lines(
    world: &World,
    sub: &mut Subscription,
    trial_end: Option<Timestamp>,
    prorate: bool,
    now: Timestamp,
) -> Vec<Line> {
    let snapshot = sub.clone();
    let mut lines = Vec::new();
    for (item, old) in sub.items.iter_mut().zip(&snapshot.items) {
        let context = world.context(&snapshot, old);
        if let Some(end) = trial_end {
            item.period = (now, end);
            lines.extend(old.quantity.map(|_| context.trial(item.period)));
            continue;
        }
        let (period, own) = first_period(context, now, prorate);
        item.period = period;
        lines.extend(own);
    }
    lines
}

/// The period that an item begins at `now`, up to the next boundary of the subscription's cycle, and
/// what it costs: all of it, or its part of a whole one.
pub fn first_period(
    context: Context<'_>,
    now: Timestamp,
    prorate: bool,
) -> ((Timestamp, Timestamp), Vec<Line>) {
    let natural = context.interval().period_at(context.subscription.anchor, now);
    let period = (now.max(natural.0), natural.1);
    if natural.0 == now {
        (period, context.period_ahead(period))
    } else if prorate && context.item.quantity.is_some() {
        (period, vec![part_of_a_period(context, now, natural)])
    } else {
        (period, Vec::new())
    }
}

fn part_of_a_period(context: Context<'_>, now: Timestamp, natural: (Timestamp, Timestamp)) -> Line {
    let amount = share(context.full_amount(), now, natural, context.subscription.currency);
    let quantity = context.item.quantity.unwrap_or(1);
    let description = format!("Remaining time on {quantity} × {}", context.product.name);
    Line { quantity: Some(quantity.into()), ..context.line(amount, description, (now, natural.1)) }
}
