//! Reads the customer, the subscriptions and the plans, then the next invoice and the pending changes.

use std::collections::HashMap;

use shared::billing::catalog::{Catalog, Tiers};
use shared::billing::invoice::{draft_renewal, latest_invoice};
use shared::billing::line_prices::LinePrices;
use shared::billing::payment::Payment;
use shared::billing::schedule;
use shared::billing::subscription::Current;
use shared::stripe::views::{Customer, Phase, Price, Subscription, SubscriptionStatus};
use shared::stripe::{Details, Refusal};
use shared::{ApiError, Call, Currency, Reply, StripeError};

use crate::estimate::NextInvoice;
use crate::pending::{self, PendingChange};
use crate::response::Summary;

/// The customer's objects at Stripe, and the plans.
struct Found {
    /// `None` if it was deleted.
    customer: Option<Customer>,
    subscriptions: Vec<Subscription>,
    tiers: Tiers,
}

/// Responds to the request after two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn summary(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let default = call.config().default_currency;
    let Some(found) = call.read_customer(|customer| read(&call, customer)).await? else {
        return Reply::ok(&Summary::without_subscription("none", default, None));
    };
    let Found { customer, subscriptions, tiers } = &found;
    let customer = customer.as_ref();
    let Some(current) = Current::of(subscriptions, tiers) else {
        let of_customer = || customer.and_then(|customer| customer.currency);
        let currency = subscriptions.first().map(|ended| ended.currency).or_else(of_customer);
        let status = if subscriptions.is_empty() { "none" } else { "canceled" };
        let currency = currency.unwrap_or(default);
        return Reply::ok(&Summary::without_subscription(status, currency, customer));
    };
    let (next_invoice, pending) = tokio::try_join!(
        next_invoice(&call, current.subscription),
        pending_change(&call, &found, current.subscription)
    )?;
    let prices = match next_invoice.invoice() {
        Some(invoice) => LinePrices::load(&call.stripe, current.subscription, invoice, &[]).await?,
        None => LinePrices::of_items(current.subscription),
    };
    let estimated_at = call.stripe.usage_as_of();
    Reply::ok(&Summary::of(
        &current,
        customer,
        tiers,
        pending,
        &next_invoice,
        &prices,
        estimated_at,
    )?)
}

/// Reads a customer, and whether it was deleted.
async fn read(call: &Call, customer: String) -> Result<(Found, bool), StripeError> {
    let stripe = &call.stripe;
    let (customer, subscriptions, tiers) = tokio::try_join!(
        stripe.customer(&customer, Details::Discounts),
        stripe.subscriptions(&customer, Details::Discounts),
        Tiers::load(stripe)
    )?;
    let is_deleted = customer.is_none();
    Ok((Found { customer, subscriptions, tiers }, is_deleted))
}

/// Reads the next invoice: a renewal that is a draft, else Stripe's preview. Stripe creates none for a paused
/// subscription, and only drafts that it does not charge for an unpaid one.
async fn next_invoice(
    call: &Call,
    subscription: &Subscription,
) -> Result<NextInvoice, StripeError> {
    if matches!(subscription.status, SubscriptionStatus::Paused | SubscriptionStatus::Unpaid) {
        return Ok(NextInvoice::None);
    }
    if let Some(draft) = draft_renewal(subscription) {
        let mut draft = draft.clone();
        call.stripe.complete_lines(&mut draft).await?;
        return Ok(NextInvoice::Draft(Box::new(draft)));
    }
    match call.stripe.next_invoice(&subscription.id).await {
        Ok(Some(invoice)) => Ok(NextInvoice::Preview(Box::new(invoice))),
        Ok(None) => Ok(NextInvoice::None),
        Err(error) if Refusal::of(&error) == Some(Refusal::TaxLocation) => {
            Ok(NextInvoice::LacksTaxLocation)
        }
        Err(error) => Err(error),
    }
}

async fn pending_change(
    call: &Call,
    found: &Found,
    subscription: &Subscription,
) -> Result<Option<PendingChange>, StripeError> {
    let (Found { tiers, .. }, Some(customer)) = (found, &found.customer) else { return Ok(None) };
    if subscription.pending_change().is_some() {
        let payment = match latest_invoice(subscription) {
            Some(invoice) => Payment::load(&call.stripe, &customer.id, invoice).await?,
            None => Payment::None,
        };
        return Ok(pending::awaiting_payment(subscription, tiers, &payment));
    }
    let changes = schedule::changes(subscription);
    if changes.is_empty() {
        return Ok(None);
    }
    let prices = prices(call, &changes, subscription.currency).await?;
    Ok(pending::scheduled(&changes, &prices, tiers))
}

/// Returns the prices of the phases by ID: a phase contains only their IDs. The catalog has the active ones.
async fn prices(
    call: &Call,
    phases: &[&Phase],
    currency: Currency,
) -> Result<HashMap<String, Price>, StripeError> {
    let catalog = Catalog::load(&call.stripe, None).await?;
    let mut prices = HashMap::new();
    for id in phases.iter().flat_map(|phase| &phase.items).map(|item| item.price.id()) {
        if prices.contains_key(id) {
            continue;
        }
        let price = match catalog.price(id, currency) {
            Some(price) => price.clone(),
            None => Box::pin(call.stripe.price(id, currency)).await?,
        };
        prices.insert(id.to_owned(), price);
    }
    Ok(prices)
}
