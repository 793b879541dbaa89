//! What summary asks Stripe: the subscriptions and the plans at once, then the next invoice.

use shared::catalog::{Catalog, Tiers};
use shared::stripe::views::{Invoice, Subscription, SubscriptionStatus};
use shared::subscription::Current;
use shared::{ApiError, Call, Reply, StripeError};

use crate::pending::{self, PendingChange};
use crate::shape::Summary;

/// Two round trips to Stripe in sequence at most.
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

async fn next_invoice(
    call: &Call,
    subscription: &Subscription,
) -> Result<Option<Invoice>, StripeError> {
    match subscription.status {
        // Stripe makes no more invoices for these, or none that it would collect.
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
    // A phase names its prices by id alone, and a plan is known by its product.
    let catalog = Catalog::load(&call.stripe, None).await?;
    Ok(Some(pending::scheduled(phase, &catalog)))
}
