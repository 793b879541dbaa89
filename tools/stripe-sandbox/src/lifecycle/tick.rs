//! Changes that are due by time.

use super::{
    automatic_tax, end, invoicing, processing, renew, retries, schedule, schedule_start, void,
};
use crate::model::checkout::Session;
use crate::model::event::Cause;
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::schedule::Status as ScheduleStatus;
use crate::model::subscription::{Collection, PauseBehavior, Status};
use crate::values::period::Timestamp;
use crate::world::World;
use crate::world::agenda::{ClockKey, Due};
use crate::world::changes::Announcement;

impl World {
    /// Applies all changes due by `real_now`, and those on test clocks that are advancing.
    pub fn catch_up(&mut self, real_now: Timestamp) {
        // Pages and admin requests leave their changes here.
        self.commit(Cause::default());
        let target = self.target_time(real_now);
        run(self, &ClockKey::Own, target);
        let advancing: Vec<(String, Timestamp)> = self
            .test_clocks
            .under("advancing")
            .filter_map(|clock| Some((clock.id.clone(), clock.target?)))
            .collect();
        for (id, target) in advancing {
            run(self, &ClockKey::Test(id.clone()), target);
            self.edit_clock(&id, |clock| clock.target = None);
            self.commit(Cause::default());
        }
    }
}

fn run(world: &mut World, clock: &ClockKey, target: Timestamp) {
    while let Some((at, due)) = world.take_due(clock, target) {
        match due {
            Due::PaymentIntent(id) => processing::end_when_due(world, &id, at),
            Due::Subscription(id) => subscription(world, &id, at),
            Due::Invoice(id) => invoice(world, &id, at),
            Due::Schedule(id) => schedule(world, &id, at),
            Due::Checkout(id) => expire_checkout(world, &id),
            Due::TrialWillEnd(id) => world.announce(Announcement::TrialWillEnd(id)),
            Due::ScheduleExpires(id) => world.announce(Announcement::ScheduleExpires(id)),
        }
        world.commit(Cause::default());
    }
    world.set_now(clock, target);
}

fn subscription(world: &mut World, id: &str, at: Timestamp) {
    let mut sub = world.subscription(id);
    let due = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= at);
    if sub.status == Status::Incomplete {
        if due(sub.expires_at) {
            end::expire(world, sub, at);
        }
        return;
    }
    if due(sub.pending_update.as_ref().map(|pending| pending.expires_at)) {
        return void::discard_pending_update(world, id, at);
    }
    if due(sub.cancel_at) {
        return end::cancel_at_scheduled_date(world, sub, at);
    }
    if let Some(resumption) = sub.resumption.as_ref().filter(|way| due(way.expires_at)) {
        return void::void(world, &resumption.invoice, at);
    }
    if let Some((_, resumes)) = sub.pause_collection
        && due(resumes)
    {
        sub.pause_collection = None;
        return world.put_subscription(sub);
    }
    if sub.status == Status::Trialing {
        return renew::end_trial(world, sub, at);
    }
    if sub.status.is_running() && due(sub.next_period_end()) {
        renew::renew(world, &sub, at);
    }
}

fn schedule(world: &mut World, id: &str, at: Timestamp) {
    let Some(due) = world.schedules().get(id).cloned() else { return };
    match due.status {
        ScheduleStatus::NotStarted => schedule_start::start(world, due, at),
        ScheduleStatus::Active => schedule::end_phase(world, due, at),
        ScheduleStatus::Canceled | ScheduleStatus::Completed | ScheduleStatus::Released => {}
    }
}

fn expire_checkout(world: &mut World, id: &str) {
    let open = world.checkout_sessions.get(id).filter(|session| session.next_due().is_some());
    if let Some(session) = open.cloned() {
        world.put_checkout(Session { expired: true, authenticating: None, ..session });
    }
}

fn invoice(world: &mut World, id: &str, at: Timestamp) {
    let invoice = world.invoice(id);
    match invoice.status {
        InvoiceStatus::Draft => finalize_and_collect(world, id, at),
        InvoiceStatus::Open if invoice.collection == Collection::Send => {
            retries::mark_overdue(world, id, at);
        }
        InvoiceStatus::Open => invoicing::collect_automatically(world, id, at),
        _ => {}
    }
}

/// Finalizes a draft an hour after the renewal, and collects it unless collection is paused.
fn finalize_and_collect(world: &mut World, id: &str, at: Timestamp) {
    let paused =
        world.invoice(id).subscription.and_then(|sub| world.subscription(&sub).pause_collection);
    automatic_tax::disable_without_location(world, id);
    invoicing::finalize(world, id, at);
    if world.invoice(id).status != InvoiceStatus::Open {
        return;
    }
    match paused {
        Some((PauseBehavior::Void, _)) => void::void(world, id, at),
        Some((PauseBehavior::MarkUncollectible, _)) => {
            invoicing::mark_uncollectible_while_paused(world, id, at);
        }
        _ => invoicing::collect_automatically(world, id, at),
    }
}
