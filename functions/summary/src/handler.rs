//! Reads the subscriptions and the plans, then the next invoice.

use shared::billing::catalog::{Catalog, Tiers};
use shared::billing::subscription::Current;
use shared::stripe::views::{Invoice, Subscription, SubscriptionStatus};
use shared::{ApiError, Call, Reply, StripeError};

use crate::pending::{self, PendingChange};
use crate::response::Summary;

/// Responds to the request after two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn summary(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let default = call.config().default_currency;
    let Some(customer) = call.customer() else {
        return Reply::ok(&Summary::without_subscription("none", default));
    };
    let (subscriptions, tiers) =
        tokio::try_join!(call.stripe.subscriptions(customer), Tiers::load(&call.stripe))?;
    let Some(current) = Current::of(&subscriptions, &tiers) else {
        let currency = match subscriptions.first() {
            Some(ended) => ended.currency,
            None => call.stripe.customer(customer).await?.currency.unwrap_or(default),
        };
        let status = if subscriptions.is_empty() { "none" } else { "canceled" };
        return Reply::ok(&Summary::without_subscription(status, currency));
    };
    let (next_invoice, pending) = tokio::try_join!(
        next_invoice(&call, current.subscription),
        pending_change(&call, current.subscription, &tiers)
    )?;
    Reply::ok(&Summary::of(&current, &tiers, pending, next_invoice.as_ref())?)
}

/// Previews the next invoice. Stripe creates none for a paused subscription, and only drafts for an unpaid
/// one.
async fn next_invoice(
    call: &Call,
    subscription: &Subscription,
) -> Result<Option<Invoice>, StripeError> {
    match subscription.status {
        SubscriptionStatus::Paused | SubscriptionStatus::Unpaid => Ok(None),
        _ => call.stripe.next_invoice(&subscription.id).await,
    }
}

async fn pending_change(
    call: &Call,
    subscription: &Subscription,
    tiers: &Tiers,
) -> Result<Option<PendingChange>, StripeError> {
    if let Some(change) = pending::awaiting_payment(subscription, tiers) {
        return Ok(Some(change));
    }
    let Some(phase) = pending::next_phase(subscription) else { return Ok(None) };
    // A phase contains only the IDs of its prices, and the catalogue names their plan.
    let catalog = Catalog::load(&call.stripe, None).await?;
    Ok(Some(pending::scheduled(phase, &catalog)))
}
