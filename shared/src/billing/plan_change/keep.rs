//! Keeping a subscription that is set to end.

use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::billing::schedule::spent_schedule;
use crate::stripe::views::{Id, Subscription};
use crate::stripe::{Stripe, StripeError, add_attribution};
use crate::values::Attribution;

use super::scheduling::release;

/// Removes the end of a subscription. `key` is the idempotency key.
///
/// Stripe's flexible billing mode and the portal set `cancel_at`, other requests `cancel_at_period_end`.
/// Source: <https://docs.stripe.com/billing/subscriptions/cancel>.
///
/// # Errors
/// [`StripeError`].
pub async fn keep_subscription(
    stripe: &Stripe,
    subscription: &Subscription,
    attribution: &Attribution,
    key: &str,
) -> Result<(), StripeError> {
    if let Some(schedule) = spent_schedule(subscription) {
        // Stripe refuses to change the end of a subscription with a schedule.
        release(stripe, schedule, &format!("{key}-spent")).await?;
    }
    let path = format!("/subscriptions/{}", subscription.id);
    let mut request = RequestBuilder::new(StripeMethod::Post, path);
    request.body = Some(if subscription.cancel_at_period_end {
        "cancel_at_period_end=false".to_owned()
    } else {
        // Empty unsets it. async-stripe's type of the parameter has no empty form.
        "cancel_at=".to_owned()
    });
    add_attribution(&mut request, "metadata", attribution);
    stripe.send_built::<Id>(request, Some(key.to_owned())).await.map(drop)
}
