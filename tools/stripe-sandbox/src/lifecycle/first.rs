//! First periods of subscriptions and items, and their lines.

use crate::engine::lines::Context;
use crate::model::invoice::Line;
use crate::model::subscription::Subscription;
use crate::values::cost::prorated_amount;
use crate::values::period::Timestamp;
use crate::world::World;

/// Sets the first period of each item and returns its lines.
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
        let context = world.item_context(&snapshot, old);
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

/// Returns the period that an item starts at `now` and its lines. The period ends at the next
/// boundary of the billing cycle. A partial period is prorated, or free without `prorate`.
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
        (period, vec![partial_period_line(context, now, natural)])
    } else {
        (period, Vec::new())
    }
}

fn partial_period_line(
    context: Context<'_>,
    now: Timestamp,
    natural: (Timestamp, Timestamp),
) -> Line {
    let amount =
        prorated_amount(context.full_amount(), now, natural, context.subscription.currency);
    let quantity = context.item.quantity.unwrap_or(1);
    let description = format!("Remaining time on {quantity} × {}", context.product.name);
    Line { quantity: Some(quantity.into()), ..context.line(amount, description, (now, natural.1)) }
}
