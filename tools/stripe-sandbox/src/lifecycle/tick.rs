//! What time does, one due thing at a time.

use super::{collect, end, finalize, pending, renew, trial};
use crate::engine::period::Timestamp;
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::subscription::{Collection, PauseBehavior, Status};
use crate::world::World;

pub fn subscription(world: &mut World, id: &str, at: Timestamp) {
    let mut sub = world.subscription(id);
    let due = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= at);
    if sub.status == Status::Incomplete {
        if due(sub.expires_at) {
            end::expire(world, sub, at);
        }
        return;
    }
    if due(sub.pending_update.as_ref().map(|pending| pending.expires_at)) {
        return pending::discard(world, id, at);
    }
    if due(sub.cancel_at) {
        return end::at_scheduled_date(world, sub, at);
    }
    if let Some(resumption) = sub.resumption.as_ref().filter(|way| due(way.expires_at)) {
        return finalize::void(world, &resumption.invoice, at);
    }
    if let Some((_, resumes)) = sub.pause_collection
        && due(resumes)
    {
        sub.pause_collection = None;
        return world.put_subscription(sub);
    }
    if sub.status == Status::Trialing {
        return trial::end(world, sub, at);
    }
    if sub.status.is_running() && due(sub.next_period_end()) {
        renew::renew(world, &sub, at);
    }
}

pub fn invoice(world: &mut World, id: &str, at: Timestamp) {
    let invoice = world.invoice(id);
    match invoice.status {
        InvoiceStatus::Draft => finalize_and_collect(world, id, at),
        InvoiceStatus::Open if invoice.collection == Collection::Send => {
            collect::overdue(world, id, at);
        }
        InvoiceStatus::Open => collect::automatic(world, id, at),
        _ => {}
    }
}

/// The hour of grace after a renewal is over.
fn finalize_and_collect(world: &mut World, id: &str, at: Timestamp) {
    let paused =
        world.invoice(id).subscription.and_then(|sub| world.subscription(&sub).pause_collection);
    finalize::finalize(world, id, at);
    if world.invoice(id).status != InvoiceStatus::Open {
        return;
    }
    match paused {
        Some((PauseBehavior::Void, _)) => finalize::void(world, id, at),
        Some((PauseBehavior::MarkUncollectible, _)) => {
            finalize::forgive_while_paused(world, id, at);
        }
        _ => collect::automatic(world, id, at),
    }
}
