//! The estimate of the next invoice. No I/O.

use serde::Serialize;
use shared::billing::breakdown::Breakdown;
use shared::billing::catalog::Tiers;
use shared::billing::line_prices::LinePrices;
use shared::stripe::views::{CollectionMethod, Invoice, Line, Price, Subscription};
use shared::values::exact;
use shared::{Currency, DateTime, Money, StripeError, Timestamp};

/// The next invoice of a subscription.
pub enum NextInvoice {
    /// Nothing will be billed again.
    None,
    /// A renewal that Stripe has drafted and charges within the hour.
    Draft(Box<Invoice>),
    /// Stripe's preview.
    Preview(Box<Invoice>),
    /// Stripe cannot compute the tax, because the customer's address is missing.
    LacksTaxLocation,
}

/// `estimate` of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// `draft` for a renewal that is about to be charged, else `preview`.
    status: &'static str,
    currency: Currency,
    /// Total with tax.
    amount: Money,
    amount_due: Money,
    subtotal: Money,
    tax: Money,
    discount: Money,
    billing_credits: Money,
    credit_applied: Money,
    lines: Vec<EstimateLine>,
    /// When the usage was what the amounts say.
    as_of: DateTime,
}

#[derive(Debug, Serialize)]
struct EstimateLine {
    description: Option<String>,
    amount: Money,
    quantity: Option<String>,
    metered: bool,
    plan: Option<String>,
    /// Name of the meter; null if the line bills no usage.
    meter: Option<String>,
}

impl NextInvoice {
    /// Returns the invoice.
    pub fn invoice(&self) -> Option<&Invoice> {
        match self {
            Self::Draft(invoice) | Self::Preview(invoice) => Some(invoice),
            Self::None | Self::LacksTaxLocation => None,
        }
    }

    /// Returns the estimate. `prices` are those of the lines, and `as_of` is the time of the invoice.
    pub fn estimate(
        &self,
        tiers: &Tiers,
        prices: &LinePrices<'_>,
        as_of: Timestamp,
    ) -> Result<Option<Estimate>, StripeError> {
        let Some(invoice) = self.invoice() else { return Ok(None) };
        let status = if matches!(self, Self::Draft(_)) { "draft" } else { "preview" };
        Estimate::of(status, invoice, tiers, prices, as_of).map(Some)
    }

    /// Returns when Stripe charges the invoice; `None` if it sends it, or collects nothing for now.
    pub fn charged_at(&self, subscription: &Subscription) -> Option<Timestamp> {
        let invoice = self.invoice()?;
        let is_charged = invoice.collection_method == CollectionMethod::ChargeAutomatically
            && subscription.pause_collection.is_none();
        let at = match self {
            Self::Draft(draft) => draft.next_payment_attempt.or(draft.automatically_finalizes_at),
            // The preview of an invoice ends when Stripe creates it.
            _ => invoice.next_payment_attempt.or(Some(invoice.period_end)),
        };
        at.filter(|_| is_charged)
    }
}

impl Estimate {
    fn of(
        status: &'static str,
        invoice: &Invoice,
        tiers: &Tiers,
        prices: &LinePrices<'_>,
        as_of: Timestamp,
    ) -> Result<Self, StripeError> {
        let Breakdown {
            subtotal,
            discount,
            billing_credits,
            tax,
            total,
            credit_applied,
            amount_due,
            ..
        } = Breakdown::of(invoice)?;
        let line = |line: &Line| EstimateLine {
            description: line.description.clone(),
            amount: Money::new(line.amount, invoice.currency),
            quantity: line.quantity_decimal.or(line.quantity).map(exact),
            metered: prices.of(line).is_some_and(Price::is_metered),
            plan: prices.plan(line, tiers).map(str::to_owned),
            meter: prices.meter(line).map(str::to_owned),
        };
        Ok(Self {
            status,
            currency: invoice.currency,
            amount: total,
            amount_due,
            subtotal,
            tax,
            discount,
            billing_credits,
            credit_applied,
            lines: invoice.lines.data.iter().map(line).collect(),
            as_of: as_of.date_time(),
        })
    }
}
