//! Requests for previews of the update that a plan change sends.

use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoicePreviewMode, CreatePreviewInvoiceSubscriptionDetails,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchor as Anchor,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchorType as AnchorType,
    CreatePreviewInvoiceSubscriptionDetailsItems as Item,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior as Proration,
};

use super::diff::{Change, ItemChange};
use super::preview::Preview;
use super::quote::Quote;
use crate::stripe::views::Invoice;
use crate::stripe::{Stripe, StripeError};
use crate::values::Timestamp;
use crate::values::token::MacKeys;

/// Returns the preview with a quote for `account`, issued now and sealed with the current one of
/// `keys`. Takes one round trip to Stripe.
///
/// # Errors
/// [`StripeError`].
pub async fn quoted_preview(
    stripe: &Stripe,
    change: &Change<'_>,
    keys: &MacKeys,
    account: &str,
) -> Result<Preview, StripeError> {
    let (now, next) =
        tokio::try_join!(preview_invoice(stripe, change, None), preview_next(stripe, change))?;
    let quote = Quote::of(change, &now, Timestamp::now()).seal(keys, account);
    Preview::of(change, &now, &next, quote)
}

/// Previews the invoice that the change would create now. `date` is the proration date of a quote;
/// without one Stripe uses its current time and reports it.
///
/// # Errors
/// [`StripeError`].
pub async fn preview_invoice(
    stripe: &Stripe,
    change: &Change<'_>,
    date: Option<Timestamp>,
) -> Result<Invoice, StripeError> {
    let mut details = details(change);
    details.proration_behavior = Some(Proration::AlwaysInvoice);
    if change.resets_cycle {
        // Stripe refuses a proration date together with a new billing cycle.
        details.billing_cycle_anchor = Some(Anchor::new(AnchorType::Now));
    } else {
        details.proration_date = date.map(Timestamp::seconds);
    }
    let preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    let mut invoice = stripe.preview(&preview.subscription_details(details)).await?;
    if invoice.lines.data.is_empty() {
        // Without lines, as in a trial, there is no invoice, so no debt is collected either.
        invoice.amount_due = 0;
    }
    Ok(invoice)
}

/// Previews the first regular invoice after the change.
///
/// # Errors
/// [`StripeError`].
async fn preview_next(stripe: &Stripe, change: &Change<'_>) -> Result<Invoice, StripeError> {
    let mut details = details(change);
    let mut preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    if change.resets_cycle {
        // The next invoice would be the change's own. The recurring preview shows the one after it.
        preview = preview.preview_mode(CreatePreviewInvoicePreviewMode::Recurring);
    } else {
        details.proration_behavior = Some(Proration::None);
    }
    stripe.preview(&preview.subscription_details(details)).await
}

fn details(change: &Change<'_>) -> CreatePreviewInvoiceSubscriptionDetails {
    let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
    let item = |changed: &ItemChange| {
        let mut item = Item::new();
        item.id.clone_from(&changed.id);
        item.price.clone_from(&changed.price);
        item.quantity = changed.quantity;
        item.deleted = changed.deleted.then_some(true);
        item
    };
    details.items = Some(change.items.iter().map(item).collect());
    details
}
