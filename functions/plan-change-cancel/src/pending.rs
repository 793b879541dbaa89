//! Pending changes and cancellations of a subscription. No I/O.

use shared::Timestamp;
use shared::billing::invoice::latest_invoice;
use shared::billing::schedule::{changes, spent_schedule};
use shared::stripe::views::{Expandable, Invoice, PendingUpdate, Phase, Subscription};

/// A change or a cancellation that is pending.
#[derive(Debug)]
pub enum Pending<'a> {
    /// A change that waits for the payment of an invoice.
    Payment(&'a PendingUpdate, &'a Invoice),
    /// A change that this API scheduled, by the schedule's ID, and its phase.
    Scheduled(&'a str, &'a Phase),
    /// A schedule that somebody else made.
    Foreign,
    /// A cancellation, and when it takes effect.
    Cancellation(Timestamp),
}

impl<'a> Pending<'a> {
    /// Returns what is pending; `None` if nothing is.
    pub fn of(subscription: &'a Subscription) -> Option<Self> {
        let waiting = subscription.pending_change().zip(latest_invoice(subscription));
        if let Some((update, invoice)) = waiting {
            return Some(Self::Payment(update, invoice));
        }
        if let Some(schedule) = &subscription.schedule
            && spent_schedule(subscription).is_none()
        {
            let ours = schedule.object().filter(|schedule| schedule.operation().is_some());
            let id = ours.and_then(|schedule| schedule.id.as_deref());
            let next = changes(subscription).first().copied();
            return Some(
                id.zip(next).map_or(Self::Foreign, |(id, phase)| Self::Scheduled(id, phase)),
            );
        }
        subscription.ends_at().map(Self::Cancellation)
    }
}

/// Returns the ID of the price of each item of a phase.
pub fn prices(phase: &Phase) -> impl Iterator<Item = &str> {
    phase.items.iter().map(|item| Expandable::id(&item.price))
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    const FAR: i64 = 4_102_444_800; // 2100-01-01

    fn found(change: &Value) -> &'static str {
        let items = fixtures::items(&[("prod_pro", "licensed")]);
        let subscription = view(with(fixtures::subscription("sub_1", "active", &items), change));
        match Pending::of(&subscription) {
            Some(Pending::Payment(..)) => "payment",
            Some(Pending::Scheduled(id, phase)) => {
                assert_eq!((id, phase.start_date.seconds()), ("sub_sched_1", FAR));
                assert_eq!(prices(phase).collect::<Vec<_>>(), ["price_2"]);
                "scheduled"
            }
            Some(Pending::Foreign) => "foreign",
            Some(Pending::Cancellation(_)) => "cancellation",
            None => "nothing",
        }
    }

    #[test]
    fn changes_come_before_a_cancellation_and_foreign_schedules_are_recognized() {
        let phase = |start: i64| json!({ "start_date": start, "end_date": start + 9, "items": [{ "price": "price_2" }] });
        let schedule = |ours: bool, start: i64| {
            let metadata = if ours { json!({ "cantila_operation": "op" }) } else { json!({}) };
            json!({ "schedule": { "id": "sub_sched_1", "metadata": metadata, "phases": [phase(start)] } })
        };
        let items = fixtures::items(&[("prod_agency", "licensed")]);
        let latest = fixtures::invoice("in_1", "open", 1);
        let waiting = json!({
            "pending_update": { "expires_at": 9, "subscription_items": items }, "latest_invoice": latest,
        });
        let ending = json!({ "cancel_at_period_end": true });
        let cases = [
            (json!({}), "nothing"),
            (waiting.clone(), "payment"),
            (with(waiting, &ending), "payment"),
            (json!({ "pending_update": { "expires_at": 9 } }), "nothing"),
            (schedule(true, FAR), "scheduled"),
            (schedule(true, 1), "nothing"),
            (schedule(false, FAR), "foreign"),
            (schedule(false, 1), "foreign"),
            (json!({ "schedule": "sub_sched_1" }), "foreign"),
            (with(schedule(true, 1), &ending), "cancellation"),
            (ending, "cancellation"),
            (json!({ "cancel_at": FAR }), "cancellation"),
        ];
        for (change, expected) in cases {
            assert_eq!(found(&change), expected, "{change}");
        }
    }
}
