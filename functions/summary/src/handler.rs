//! What summary asks Stripe: the subscriptions and the plans at once, then the next invoice.

use shared::catalog::{Catalog, Tiers};
use shared::stripe::views::{Invoice, Subscription, SubscriptionStatus};
use shared::subscription::Current;
use shared::{ApiError, Call, Reply, StripeError};

use crate::pending::{self, PendingChange};
use crate::shape::Summary;

/// Two round trips to Stripe in sequence; one where the account is still on the subscription that it
/// was on the last time.
///
/// # Errors
/// What the caller is told.
pub async fn summary(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let default = call.config().default_currency;
    let Some(customer) = call.customer() else {
        return Reply::ok(&Summary::without_subscription("none", default));
    };
    let hint = call.last_subscription();
    let (subscriptions, tiers, foreseen) = tokio::try_join!(
        call.stripe.subscriptions(customer),
        Tiers::load(&call.stripe),
        // Whether this is the one to ask about is not known yet: nor whether its failure matters.
        async { Ok(foreseen(&call, hint.as_deref()).await) }
    )?;
    let current = Current::of(&subscriptions, &tiers);
    call.saw_subscription(current.as_ref().and_then(billed_again));
    let Some(current) = current else {
        let currency = match subscriptions.first() {
            Some(ended) => ended.currency,
            None => call.stripe.customer(customer).await?.currency.unwrap_or(default),
        };
        let status = if subscriptions.is_empty() { "none" } else { "canceled" };
        return Reply::ok(&Summary::without_subscription(status, currency));
    };
    let foreseen = foreseen.filter(|_| billed_again(&current) == hint.as_deref());
    let (next_invoice, pending) = tokio::try_join!(
        next_invoice(&call, &current, foreseen),
        pending_change(&call, current.subscription, &tiers)
    )?;
    Reply::ok(&Summary::of(&current, &tiers, pending, next_invoice.as_ref())?)
}

/// What Stripe says the next invoice would be, if it could be had.
type Foreseen = Result<Option<Invoice>, StripeError>;

async fn foreseen(call: &Call, hint: Option<&str>) -> Option<Foreseen> {
    Some(call.stripe.next_invoice(hint?).await)
}

/// The subscription's id, if there will be another invoice. Of a paused or unpaid one Stripe makes no
/// more, or none that it would collect.
fn billed_again<'a>(current: &Current<'a>) -> Option<&'a str> {
    let subscription = current.subscription;
    let ends = [SubscriptionStatus::Paused, SubscriptionStatus::Unpaid];
    (!ends.contains(&subscription.status)).then_some(&subscription.id)
}

async fn next_invoice(call: &Call, current: &Current<'_>, foreseen: Option<Foreseen>) -> Foreseen {
    match (billed_again(current), foreseen) {
        (None, _) => Ok(None),
        (Some(_), Some(foreseen)) => foreseen,
        (Some(id), None) => call.stripe.next_invoice(id).await,
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
