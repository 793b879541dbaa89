//! Customer actions in the portal: another card, a cancellation, undoing one.

use super::cancellation::CancelAt;
use super::update::Update;
use super::{cancel, change, end};
use crate::model::portal::CancelMode;
use crate::model::subscription::{BillingMode, Status, Subscription};
use crate::values::errors::Result;
use crate::world::World;

/// Makes a payment method the default of the customer and of all subscriptions that have not ended.
pub fn make_default(world: &mut World, customer: &str, method: &str) {
    let mut owner = world.customer(customer).clone();
    owner.default_payment_method = Some(method.to_owned());
    world.customers.put(owner);
    for mut sub in live_subscriptions(world, customer) {
        sub.default_payment_method = Some(method.to_owned());
        world.put_subscription(sub);
    }
}

/// Returns the customer's subscriptions that have not ended, newest first.
pub fn live_subscriptions(world: &World, customer: &str) -> Vec<Subscription> {
    let own = world.subscriptions().under(&format!("customer={customer}")).rev();
    own.filter(|sub| !sub.status.is_terminal()).cloned().collect()
}

/// Cancels immediately or at the period end. For flexible billing the portal sets `cancel_at`.
pub fn cancel(
    world: &mut World,
    id: &str,
    mode: CancelMode,
    feedback: Option<String>,
    comment: Option<String>,
) -> Result<()> {
    let sub = world.subscription(id);
    let notes =
        Update { feedback: feedback.map(Some), comment: comment.map(Some), ..Update::default() };
    if mode == CancelMode::Immediately || sub.status == Status::Incomplete {
        change::update(world, id, &notes)?;
        let (sub, now) = (world.subscription(id), world.now_of(&sub.customer));
        if sub.status == Status::Incomplete {
            end::expire(world, sub, now);
        } else {
            cancel::cancel_immediately(world, sub, now);
        }
        return Ok(());
    }
    let update = match sub.mode {
        BillingMode::Flexible => Update { cancel_at: Some(Some(CancelAt::MaxPeriodEnd)), ..notes },
        BillingMode::Classic => Update { cancel_at_period_end: Some(true), ..notes },
    };
    change::update(world, id, &update)
}

/// Removes a scheduled cancellation.
pub fn undo_cancel(world: &mut World, id: &str) -> Result<()> {
    change::update(world, id, &Update { cancel_at: Some(None), ..Update::default() })
}
