//! What Stripe is asked: the preview of the very update that a change will send.

use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoicePreviewMode, CreatePreviewInvoiceSubscriptionDetails,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchor as Anchor,
    CreatePreviewInvoiceSubscriptionDetailsBillingCycleAnchorType as AnchorType,
    CreatePreviewInvoiceSubscriptionDetailsItems as Item,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior as Proration,
};

use super::diff::Change;
use super::preview::Preview;
use super::quote::Quote;
use crate::respond::{ApiError, Money, Timestamp};
use crate::runtime::Call;
use crate::stripe::views::Invoice;
use crate::stripe::{Stripe, StripeError};

/// The preview as it is shown, with a quote as of now: one round trip to Stripe.
///
/// # Errors
/// [`ApiError`] where Stripe, or the key that quotes are sealed with, cannot be reached.
pub async fn quoted_preview(call: &Call, change: &Change<'_>) -> Result<Preview, ApiError> {
    let (now, next) = tokio::try_join!(
        preview_invoice(&call.stripe, change, None),
        preview_next(&call.stripe, change)
    )?;
    let quote = Quote::of(change, &now, Timestamp::now());
    let quote = quote.seal(&call.pepper().await?, &call.caller.account.id);
    Ok(Preview::of(change, &now, &next, quote)?)
}

/// The invoice that the change would make now. `date` is the proration date of a quote; without
/// it Stripe takes its own present, and reports it.
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
        // Stripe takes no proration date along with a new period.
        details.billing_cycle_anchor = Some(Anchor::new(AnchorType::Now));
    } else {
        details.proration_date = date.map(Timestamp::seconds);
    }
    let preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    let mut invoice = stripe.preview(&preview.subscription_details(details)).await?;
    if invoice.lines.data.is_empty() {
        // There will be no invoice, as in a trial, and so nothing that an older debt is added to.
        invoice.amount_due = 0;
    }
    Ok(invoice)
}

/// The first regular invoice after the change.
///
/// # Errors
/// [`StripeError`].
async fn preview_next(stripe: &Stripe, change: &Change<'_>) -> Result<Invoice, StripeError> {
    let mut details = details(change);
    let mut preview = CreatePreviewInvoice::new().subscription(change.subscription.id.as_str());
    if change.resets_cycle {
        // The next invoice would be that of the change itself; what follows it is the steady state.
        preview = preview.preview_mode(CreatePreviewInvoicePreviewMode::Recurring);
    } else {
        details.proration_behavior = Some(Proration::None);
    }
    stripe.preview(&preview.subscription_details(details)).await
}

fn details(change: &Change<'_>) -> CreatePreviewInvoiceSubscriptionDetails {
    let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
    let item = |changed: &super::ItemChange| {
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

/// What a change costs: what is due in money, or, of a negative total, the credit that it gives.
#[must_use]
pub fn charge(invoice: &Invoice) -> Money {
    let minor = if invoice.total < 0 { invoice.total } else { invoice.amount_due };
    Money::new(minor, invoice.currency)
}

/// The moment that the proration was worked out for, as Stripe reports it.
#[must_use]
pub fn proration_date(invoice: &Invoice) -> Option<Timestamp> {
    invoice.parent.as_ref()?.subscription_details.as_ref()?.subscription_proration_date
}
