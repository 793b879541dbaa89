//! Reads the subscriptions and the open invoices in parallel, then the payments of the open invoices.

use shared::billing::payment::Payments;
use shared::stripe::Details;
use shared::stripe::views::{Customer, Invoice, Subscription};
use shared::{ApiError, Call, Currency, Reply, StripeError, Timestamp};

use crate::debts::Debts;
use crate::response::Dunning;
use crate::state::{Rules, Verdict};

/// The customer's objects at Stripe; none for an account without a customer.
#[derive(Default)]
struct Found {
    subscriptions: Vec<Subscription>,
    open: Vec<Invoice>,
    payments: Payments,
    /// Read only if there is no live subscription.
    customer: Option<Customer>,
}

/// Responds to the request after at most two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn dunning(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let config = call.config();
    let rules =
        Rules { max_attempts: config.dunning_max_attempts, grace_days: config.dunning_grace_days };
    let found = call.read_customer(|customer| read(&call, customer)).await?.unwrap_or_default();
    let now = call.stripe.past().unwrap_or_else(Timestamp::now);
    let payment = |invoice: &Invoice| found.payments.of(invoice);
    let debts = Debts::of(&found.open, &found.subscriptions, payment, now);
    let verdict = Verdict::of(&found.subscriptions, &debts, &rules);
    let failure = verdict.invoice.and_then(|invoice| payment(invoice).failure());
    let currency = found.currency(verdict.invoice).unwrap_or(config.default_currency);
    Reply::ok(&Dunning::of(&verdict, &debts, currency, failure, &rules)?)
}

/// Reads a customer, and whether it was deleted.
async fn read(call: &Call, customer: String) -> Result<(Found, bool), StripeError> {
    let (stripe, customer) = (&call.stripe, customer.as_str());
    let (subscriptions, open) = tokio::try_join!(
        stripe.subscriptions(customer, Details::None),
        stripe.open_invoices(customer)
    )?;
    let payments = Payments::load(stripe, customer, &open);
    if subscriptions.iter().any(|subscription| !subscription.status.is_ended()) {
        let payments = payments.await?;
        return Ok((Found { subscriptions, open, payments, customer: None }, false));
    }
    let (payments, customer) =
        tokio::try_join!(payments, stripe.customer(customer, Details::None))?;
    let is_deleted = customer.is_none();
    Ok((Found { subscriptions, open, payments, customer }, is_deleted))
}

impl Found {
    /// Returns the currency of the overdue sum: that of the invoice to pay, else the subscription's, the customer's.
    fn currency(&self, invoice: Option<&Invoice>) -> Option<Currency> {
        let live = self.subscriptions.iter().find(|subscription| !subscription.status.is_ended());
        let of_subscription = || live.or(self.subscriptions.first()).map(|it| it.currency);
        invoice
            .map(|invoice| invoice.currency)
            .or_else(of_subscription)
            .or_else(|| self.customer.as_ref()?.currency)
    }
}
