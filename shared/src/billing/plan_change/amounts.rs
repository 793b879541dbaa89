//! The amount and the proration date that an invoice shows for a plan change.

use crate::stripe::views::Invoice;
use crate::values::{Money, Timestamp};

/// Returns what a change costs: the amount due, or the negative total, which becomes credit.
pub fn charge(invoice: &Invoice) -> Money {
    let minor = if invoice.total < 0 { invoice.total } else { invoice.amount_due };
    Money::new(minor, invoice.currency)
}

/// Returns the proration date that Stripe used.
pub fn proration_date(invoice: &Invoice) -> Option<Timestamp> {
    invoice.parent.as_ref()?.subscription_details.as_ref()?.subscription_proration_date
}
