//! Requests for previews of the update that a plan change sends.

use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoicePreviewMode, CreatePreviewInvoiceSubscriptionDetails,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchor as Anchor,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchorType as AnchorType,
    CreatePreviewInvoiceSubscriptionDetailsItems as Item,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior as Proration,
};

use super::amounts::{HeldAmounts, proration_date, without_usage};
use super::diff::{Change, ItemChange};
use super::effective::Effective;
use super::preview::Preview;
use super::quote::Quote;
use super::restorable::RestorableLine;
use super::update::HeldPrice;
use crate::billing::invoice::latest_invoice;
use crate::billing::line_prices::LinePrices;
use crate::stripe::views::{Invoice, Subscription};
use crate::stripe::{Stripe, StripeError};
use crate::values::Timestamp;
use crate::values::token::MacKeys;

/// Returns the preview with a quote for `account`, issued now and sealed with the current one of
/// `keys`. Takes one round trip to Stripe, or two if it bills prices that are neither on the subscription
/// nor part of the target.
///
/// # Errors
/// [`StripeError`].
pub async fn quoted_preview(
    stripe: &Stripe,
    change: &Change<'_>,
    keys: &MacKeys,
    account: &str,
) -> Result<Preview, StripeError> {
    if change.effective == Effective::PeriodEnd {
        let next = preview_recurring(stripe, change).await?;
        let quote = Quote::later(change, &next, Timestamp::now()).seal(keys, account);
        return Ok(Preview::later(change, &next, quote));
    }
    let lines = restorable_lines(stripe, change.subscription).await?;
    let (now, next) = tokio::try_join!(
        preview_invoice(stripe, change, None, &lines),
        preview_next(stripe, change)
    )?;
    let prices = line_prices(stripe, change, &now).await?;
    let quote = Quote::of(change, &now, &prices, Timestamp::now())?.seal(keys, account);
    Preview::of(change, &now, &prices, &next, quote)
}

/// Reads the restorable lines of an update that waits for its payment. The change withdraws that update first, and its own
/// invoice then bills what is restored. Stripe is called only if there is such an update.
///
/// # Errors
/// [`StripeError`].
async fn restorable_lines(
    stripe: &Stripe,
    subscription: &Subscription,
) -> Result<Vec<RestorableLine>, StripeError> {
    let is_pending = subscription.pending_change().is_some();
    let Some(latest) = latest_invoice(subscription).filter(|_| is_pending) else {
        return Ok(Vec::new());
    };
    let invoice = stripe.invoice(&latest.id).await?;
    RestorableLine::load(stripe, subscription, &invoice).await
}

async fn line_prices<'a>(
    stripe: &Stripe,
    change: &Change<'a>,
    invoice: &Invoice,
) -> Result<LinePrices<'a>, StripeError> {
    LinePrices::load(stripe, change.subscription, invoice, &[change.to.price.as_str()]).await
}

/// Previews the price of the change for this proration date; without one, for Stripe's current time.
///
/// # Errors
/// [`StripeError`].
pub async fn held_price(
    stripe: &Stripe,
    change: &Change<'_>,
    date: Option<Timestamp>,
) -> Result<HeldPrice, StripeError> {
    if change.effective == Effective::PeriodEnd {
        let amounts = HeldAmounts::later(&preview_recurring(stripe, change).await?);
        return Ok(HeldPrice { amounts, without_usage: None, date: None, most: None });
    }
    let lines = restorable_lines(stripe, change.subscription).await?;
    let invoice = preview_invoice(stripe, change, date, &lines).await?;
    let date = date.or_else(|| proration_date(&invoice)).filter(|_| !change.resets_cycle);
    let without_usage = if change.resets_cycle {
        Some(without_usage(&invoice, &line_prices(stripe, change, &invoice).await?))
    } else {
        None
    };
    Ok(HeldPrice { amounts: HeldAmounts::of(&invoice)?, without_usage, date, most: None })
}

/// Previews the invoice that the first update would create now. `date` is the proration date of a quote; without one
/// Stripe uses its current time and reports it.
async fn preview_invoice(
    stripe: &Stripe,
    change: &Change<'_>,
    date: Option<Timestamp>,
    restorable: &[RestorableLine],
) -> Result<Invoice, StripeError> {
    let mut details = details(&change.items);
    details.proration_behavior = Some(Proration::AlwaysInvoice);
    if change.resets_cycle {
        // Stripe refuses a proration date together with a new billing cycle.
        details.billing_cycle_anchor = Some(Anchor::new(AnchorType::Now));
    } else {
        details.proration_date = date.map(Timestamp::seconds);
    }
    let mut preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    if !restorable.is_empty() {
        preview = preview
            .invoice_items(restorable.iter().map(RestorableLine::preview_item).collect::<Vec<_>>());
    }
    let mut invoice = stripe.preview(&preview.subscription_details(details)).await?;
    if invoice.lines.data.is_empty() {
        // Without lines, as in a trial, there is no invoice, so no debt is collected either.
        invoice.amount_due = 0;
    }
    Ok(invoice)
}

/// Previews the first regular invoice after the change. Usage so far is on it at the old prices, which the second update
/// leaves as they were until then.
async fn preview_next(stripe: &Stripe, change: &Change<'_>) -> Result<Invoice, StripeError> {
    if change.resets_cycle {
        // The next invoice would be the change's own. The recurring preview shows the one after it.
        return preview_recurring(stripe, change).await;
    }
    let mut details = details(&change.items);
    details.proration_behavior = Some(Proration::None);
    let preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    stripe.preview(&preview.subscription_details(details)).await
}

/// Previews an invoice of the new plan without prorations and without usage.
async fn preview_recurring(stripe: &Stripe, change: &Change<'_>) -> Result<Invoice, StripeError> {
    let preview = CreatePreviewInvoice::new()
        .subscription(change.subscription.id.as_str())
        .preview_mode(CreatePreviewInvoicePreviewMode::Recurring)
        .subscription_details(details(&change.items));
    stripe.preview(&preview).await
}

fn details(items: &[ItemChange]) -> CreatePreviewInvoiceSubscriptionDetails {
    let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
    let item = |changed: &ItemChange| {
        let mut item = Item::new();
        item.id.clone_from(&changed.id);
        item.price.clone_from(&changed.price);
        item.quantity = changed.quantity;
        item.deleted = changed.deleted.then_some(true);
        item
    };
    details.items = Some(items.iter().map(item).collect());
    details
}
