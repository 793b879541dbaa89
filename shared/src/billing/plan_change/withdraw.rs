//! Withdrawing a pending update.

use stripe_billing::invoice::VoidInvoiceInvoice;

use super::restorable::restore;
use crate::billing::payment::Payment;
use crate::stripe::views::{Invoice, InvoiceStatus, Subscription};
use crate::stripe::{Stripe, StripeError};

/// The end of an attempt to withdraw a pending update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// Nothing is left to pay, and the restorable lines of its invoice wait for the next one.
    Done,
    /// It was paid meanwhile, and so the change is in force.
    Paid,
    /// Its payment is processing.
    Processing,
    /// Stripe did not void the invoice.
    StillOpen,
}

/// Withdraws the pending update of `invoice`: voids the invoice and restores its restorable lines. `key` is the
/// idempotency key for this invoice.
///
/// # Errors
/// [`StripeError`]; the invoice may be void then, and [`restore`] has to be repeated.
pub async fn withdraw(
    stripe: &Stripe,
    customer: &str,
    subscription: &Subscription,
    invoice: &str,
    key: &str,
) -> Result<Withdrawal, StripeError> {
    let voided = stripe.send_once::<Invoice>(&VoidInvoiceInvoice::new(invoice), key).await;
    match voided {
        Ok(_) => {}
        // Not voidable, or void already: the invoice tells.
        Err(error) if error.status() == Some(400) => {}
        Err(error) => return Err(error),
    }
    let invoice = stripe.invoice(invoice).await?;
    Ok(match invoice.status {
        InvoiceStatus::Void => {
            restore(stripe, customer, subscription, &invoice).await?;
            Withdrawal::Done
        }
        InvoiceStatus::Paid => Withdrawal::Paid,
        InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
            match Payment::load(stripe, customer, &invoice).await? {
                Payment::Processing { .. } => Withdrawal::Processing,
                _ => Withdrawal::StillOpen,
            }
        }
    })
}
