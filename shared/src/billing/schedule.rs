//! Subscription schedules: the changes that lie ahead. No I/O.

use crate::stripe::views::{Phase, Subscription};

/// Returns the phases of the subscription's schedule that lie ahead, in order.
pub fn later_phases(subscription: &Subscription) -> Vec<&Phase> {
    let now = subscription.now();
    let schedule = subscription.schedule.as_ref().and_then(|schedule| schedule.object());
    let phases = schedule.into_iter().flat_map(|schedule| &schedule.phases);
    let mut later: Vec<&Phase> = phases.filter(|phase| phase.start_date > now).collect();
    later.sort_by_key(|phase| phase.start_date);
    later
}

/// Returns the ID of the subscription's schedule if this API made it and no phase lies ahead: it changes nothing any
/// more, but Stripe refuses or reverts changes of the subscription while it is there.
pub fn spent_schedule(subscription: &Subscription) -> Option<&str> {
    let schedule = subscription.schedule.as_ref()?.object()?;
    let is_spent = schedule.operation().is_some() && later_phases(subscription).is_empty();
    schedule.id.as_deref().filter(|_| is_spent)
}

/// Returns the later phases that change the items, each compared with the phase before it, in order.
pub fn changes(subscription: &Subscription) -> Vec<&Phase> {
    let mut later = later_phases(subscription);
    let mut before = items_of_subscription(subscription);
    later.retain(|phase| {
        let items = items_of_phase(phase);
        let changes = items != before;
        before = items;
        changes
    });
    later
}

/// Prices and quantities, sorted.
type Items<'a> = Vec<(&'a str, u64)>;

fn items_of_subscription(subscription: &Subscription) -> Items<'_> {
    let items = subscription.items.data.iter();
    sorted(items.map(|item| (item.price.id.as_str(), item.quantity)))
}

fn items_of_phase(phase: &Phase) -> Items<'_> {
    sorted(phase.items.iter().map(|item| (item.price.id(), item.quantity)))
}

fn sorted<'a>(items: impl Iterator<Item = (&'a str, Option<u64>)>) -> Items<'a> {
    // Metered prices have no quantity. Stripe's default of others is 1.
    let mut items: Vec<_> = items.map(|(price, quantity)| (price, quantity.unwrap_or(1))).collect();
    items.sort_unstable();
    items
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    const FAR: i64 = 4_102_444_800; // 2100-01-01

    fn phase(start: i64, price: &str, quantity: Option<u64>) -> Value {
        json!({ "start_date": start, "end_date": start + 9, "items": [{ "price": price, "quantity": quantity }] })
    }

    #[test]
    fn own_schedule_without_a_later_phase_is_spent() {
        let ours = json!({ "cantila_operation": "op" });
        let (past, ahead) = (phase(1, "price_2", None), phase(FAR, "price_2", None));
        let cases = [
            (&ours, vec![past.clone()], Some("sub_sched_1")),
            (&ours, vec![past.clone(), ahead], None),
            (&json!({}), vec![past], None),
        ];
        for (metadata, phases, expected) in cases {
            let schedule = json!({ "id": "sub_sched_1", "metadata": metadata, "phases": phases });
            let subscription: Subscription = view(with(
                fixtures::subscription("sub_1", "active", &[]),
                &json!({ "schedule": schedule }),
            ));
            assert_eq!(spent_schedule(&subscription), expected, "{metadata} {phases:?}");
        }
        let other = json!({ "schedule": "sub_sched_1" });
        let other = view(with(fixtures::subscription("sub_1", "active", &[]), &other));
        assert_eq!(spent_schedule(&other), None);
    }

    #[test]
    fn later_phases_with_other_items_are_changes() {
        let (same, other, third) = ("price_prod_pro_licensed", "price_2", "price_3");
        let cases = [
            (vec![], vec![]),
            (vec![phase(0, same, Some(1)), phase(1, other, Some(1))], vec![]),
            (vec![phase(FAR, same, Some(1))], vec![]),
            (vec![phase(FAR, same, None)], vec![]),
            (vec![phase(FAR, same, Some(2))], vec![FAR]),
            (vec![phase(FAR, same, Some(1)), phase(FAR + 9, other, Some(1))], vec![FAR + 9]),
            (
                vec![
                    phase(FAR + 9, third, Some(1)),
                    phase(FAR, other, Some(1)),
                    phase(FAR + 5, other, Some(1)),
                ],
                vec![FAR, FAR + 9],
            ),
            (vec![phase(FAR, other, Some(1)), phase(FAR + 9, same, Some(1))], vec![FAR, FAR + 9]),
        ];
        for (phases, expected) in cases {
            let items = fixtures::items(&[("prod_pro", "licensed")]);
            let subscription: Subscription = view(with(
                fixtures::subscription("sub_1", "active", &items),
                &json!({ "schedule": { "phases": phases } }),
            ));
            let starts: Vec<_> =
                changes(&subscription).iter().map(|phase| phase.start_date.seconds()).collect();
            assert_eq!(starts, expected, "{phases:?}");
        }
    }
}
