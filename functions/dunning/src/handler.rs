//! Reads the subscriptions and the open invoices in parallel, then the failure of the overdue invoice.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use shared::stripe::views::{Invoice, Subscription};
use shared::stripe::{Decline, PARALLEL};
use shared::{ApiError, Call, Currency, Reply, StripeError};

use crate::overdue::{Overdue, Payments};
use crate::response::Dunning;
use crate::state::{Rules, Verdict};

/// Responds to the request after at most two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn dunning(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let config = call.config();
    let rules =
        Rules { max_attempts: config.dunning_max_attempts, grace_days: config.dunning_grace_days };
    let Some(customer) = call.customer() else {
        return Reply::ok(&Dunning::nothing_owed(config.default_currency, &rules));
    };
    let (subscriptions, open) =
        tokio::try_join!(call.stripe.subscriptions(customer), call.stripe.open_invoices(customer))?;
    let mut overdue = Overdue::of(&open, &subscriptions);
    let payments = payments(&call, &overdue).await?;
    overdue.remove_processing(&payments);
    let verdict = Verdict::of(&subscriptions, &overdue, &rules);
    let payments = verdict.invoice.and_then(|invoice| payments.get(&invoice.id));
    let failure = payments.and_then(|payments| Decline::of_payments(payments));
    let currency = currency(&call, customer, &subscriptions, verdict.invoice).await?;
    Reply::ok(&Dunning::of(&verdict, overdue.sum(currency)?, failure, &rules))
}

/// Returns the payments of each invoice.
async fn payments(call: &Call, overdue: &Overdue<'_>) -> Result<Payments, StripeError> {
    let read = async |invoice: &Invoice| {
        let payments = call.stripe.payments(&invoice.id).await?;
        Ok((invoice.id.clone(), payments.data))
    };
    stream::iter(overdue.invoices()).map(read).buffer_unordered(PARALLEL).try_collect().await
}

/// Returns the invoice's currency, which the overdue sum is in, else the subscription's, the customer's, or the default.
async fn currency(
    call: &Call,
    customer: &str,
    subscriptions: &[Subscription],
    invoice: Option<&Invoice>,
) -> Result<Currency, StripeError> {
    let live = subscriptions.iter().find(|subscription| !subscription.status.is_ended());
    let of_subscription = live.or(subscriptions.first()).map(|subscription| subscription.currency);
    match invoice.map(|invoice| invoice.currency).or(of_subscription) {
        Some(currency) => Ok(currency),
        None => Ok(call
            .stripe
            .customer(customer)
            .await?
            .currency
            .unwrap_or(call.config().default_currency)),
    }
}
