//! Reads the subscriptions and the open invoices in parallel, then the failure of the overdue invoice.

use shared::stripe::Decline;
use shared::stripe::views::{Invoice, Subscription};
use shared::{ApiError, Call, Currency, Reply, StripeError};

use crate::overdue::Overdue;
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
    let overdue = Overdue::of(&open, &subscriptions);
    let verdict = Verdict::of(&subscriptions, &overdue, &rules);
    let (failure, currency) = tokio::try_join!(
        failure(&call, verdict.invoice),
        currency(&call, customer, &subscriptions, verdict.invoice)
    )?;
    Reply::ok(&Dunning::of(&verdict, overdue.sum(currency)?, failure, &rules))
}

async fn failure(call: &Call, invoice: Option<&Invoice>) -> Result<Option<Decline>, StripeError> {
    let Some(invoice) = invoice else { return Ok(None) };
    let payments = call.stripe.payments(&invoice.id).await?;
    Ok(Decline::of_payments(&payments.data))
}

/// Returns the subscription's currency, else the invoice's, else the customer's, else the default.
async fn currency(
    call: &Call,
    customer: &str,
    subscriptions: &[Subscription],
    invoice: Option<&Invoice>,
) -> Result<Currency, StripeError> {
    let live = subscriptions.iter().find(|subscription| !subscription.status.is_ended());
    let of_subscription = live.or(subscriptions.first()).map(|subscription| subscription.currency);
    match of_subscription.or(invoice.map(|invoice| invoice.currency)) {
        Some(currency) => Ok(currency),
        None => Ok(call
            .stripe
            .customer(customer)
            .await?
            .currency
            .unwrap_or(call.config().default_currency)),
    }
}
