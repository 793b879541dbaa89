//! A change in force: what remains to be done, and the response.

use shared::billing::plan_change::Update;
use shared::billing::state::BillingState;
use shared::change::{Entry, Journal, Metered, swap_meters};
use shared::stripe::views::Subscription;
use shared::{ApiError, Call, Reply};

use crate::reply;

/// Responds to a change in force: swaps the metered prices. The next request swaps those that remain.
///
/// # Errors
/// Those of Stripe.
pub async fn applied(
    call: &Call,
    journal: &mut Journal,
    billing: &BillingState,
    update: &Update,
    changed: &Subscription,
) -> Result<Reply, ApiError> {
    let left = match swap_meters(&call.stripe, update, changed).await {
        Metered::Swapped | Metered::Refused => None,
        Metered::Unclear(_) => journal.entry().cloned().map(Entry::in_force),
    };
    let reply = reply::applied(call, billing, update, changed).await?;
    journal.set(left);
    Ok(reply)
}
