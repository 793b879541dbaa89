//! Invoices and their lines.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::common::{CollectionMethod, Expandable, Id, List, has_id};
use super::payment::InvoicePayments;
use super::validated;
use crate::values::{Currency, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
}

impl InvoiceStatus {
    /// The statuses that callers see. Drafts are internal to Stripe.
    pub const SHOWN: [Self; 4] = [Self::Paid, Self::Open, Self::Void, Self::Uncollectible];

    /// Returns Stripe's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Invoice {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub status: InvoiceStatus,
    pub customer: Option<Expandable<Id>>,
    pub collection_method: CollectionMethod,
    pub number: Option<String>,
    pub currency: Currency,
    pub subtotal: i64,
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub amount_remaining: i64,
    pub starting_balance: i64,
    #[serde(default)]
    pub discounts: Vec<Expandable<Id>>,
    pub total_taxes: Option<Vec<Tax>>,
    /// Billing credits and discounts, by their source.
    pub total_pretax_credit_amounts: Option<Vec<PretaxCredit>>,
    pub automatic_tax: Option<AutomaticTax>,
    /// Whether Stripe finalizes the draft by itself.
    #[serde(default)]
    pub auto_advance: bool,
    /// When Stripe finalizes the draft.
    pub automatically_finalizes_at: Option<Timestamp>,
    pub attempted: bool,
    pub attempt_count: u32,
    pub next_payment_attempt: Option<Timestamp>,
    pub billing_reason: Option<String>,
    pub created: Timestamp,
    pub due_date: Option<Timestamp>,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub status_transitions: StatusTransitions,
    /// Required: without it an overdue invoice belongs to no subscription.
    #[serde(deserialize_with = "validated::present")]
    pub parent: Option<InvoiceParent>,
    #[serde(default, deserialize_with = "validated::optional_page")]
    pub hosted_invoice_url: Option<String>,
    #[serde(default, deserialize_with = "validated::optional_page")]
    pub invoice_pdf: Option<String>,
    pub lines: List<Line>,
    /// Set only if expanded.
    pub payments: Option<InvoicePayments>,
}

impl Invoice {
    /// Returns whether Stripe could not compute the tax, because the customer's address is missing. The amounts are then
    /// those without tax. Source: <https://docs.stripe.com/tax/customer-locations>.
    pub fn lacks_tax(&self) -> bool {
        let status = self.automatic_tax.as_ref().and_then(|tax| tax.status.as_deref());
        status == Some("requires_location_inputs")
    }

    /// Returns the ID of the subscription that the invoice bills, if any.
    pub fn subscription(&self) -> Option<&str> {
        Some(self.parent.as_ref()?.subscription_details.as_ref()?.subscription.id())
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvoiceParent {
    #[serde(deserialize_with = "validated::present")]
    pub subscription_details: Option<InvoiceSubscription>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvoiceSubscription {
    pub subscription: Expandable<Id>,
    /// Set on previews.
    pub subscription_proration_date: Option<Timestamp>,
    /// The subscription's metadata as it was when the invoice was finalized.
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatusTransitions {
    pub finalized_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tax {
    pub amount: i64,
    pub tax_behavior: TaxBehavior,
}

/// An amount that reduces an invoice before tax.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PretaxCredit {
    pub amount: i64,
    #[serde(rename = "type")]
    pub kind: PretaxCreditKind,
}

/// The source of an amount that reduces an invoice before tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PretaxCreditKind {
    /// A credit grant.
    CreditBalanceTransaction,
    Discount,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AutomaticTax {
    #[serde(default)]
    pub enabled: bool,
    /// The state of an invoice's tax; null unless it is computed automatically.
    pub status: Option<String>,
}

/// Whether a tax is added to the amounts or included in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxBehavior {
    Exclusive,
    Inclusive,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Line {
    pub id: String,
    pub amount: i64,
    pub description: Option<String>,
    pub discountable: Option<bool>,
    #[serde(default)]
    pub discounts: Vec<Expandable<Id>>,
    pub taxes: Option<Vec<LineTax>>,
    pub period: Period,
    pub quantity: Option<Decimal>,
    pub quantity_decimal: Option<Decimal>,
    pub parent: Option<LineParent>,
    pub pricing: Option<LinePricing>,
}

impl Line {
    /// Returns the subscription item that the line bills, if any.
    pub fn subscription_item(&self) -> Option<&SubscriptionItemDetails> {
        self.parent.as_ref()?.subscription_item_details.as_ref()
    }

    /// Returns whether the line is a proration of a subscription item or an invoice item.
    pub fn is_proration(&self) -> bool {
        let Some(parent) = &self.parent else { return false };
        parent.subscription_item_details.as_ref().is_some_and(|item| item.proration)
            || parent.invoice_item_details.as_ref().is_some_and(|item| item.proration)
    }

    /// Returns the ID of the invoice item that the line bills, if any.
    pub fn invoice_item(&self) -> Option<&str> {
        let parent = self.parent.as_ref()?;
        let of_subscription =
            parent.subscription_item_details.as_ref().and_then(|item| item.invoice_item.as_deref());
        let own = || parent.invoice_item_details.as_ref()?.invoice_item.as_deref();
        of_subscription.or_else(own)
    }

    /// Returns the ID of the line's price, if any.
    pub fn price(&self) -> Option<&str> {
        Some(self.pricing.as_ref()?.price_details.as_ref()?.price.id())
    }

    /// Returns the ID of the line's product, if any.
    pub fn product(&self) -> Option<&str> {
        Some(&self.pricing.as_ref()?.price_details.as_ref()?.product)
    }
}

/// A tax on a line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LineTax {
    pub amount: i64,
    pub tax_behavior: TaxBehavior,
    pub tax_rate_details: Option<TaxRateDetails>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaxRateDetails {
    pub tax_rate: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LineParent {
    pub subscription_item_details: Option<SubscriptionItemDetails>,
    pub invoice_item_details: Option<InvoiceItemDetails>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvoiceItemDetails {
    pub invoice_item: Option<String>,
    pub proration: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SubscriptionItemDetails {
    pub subscription_item: String,
    pub invoice_item: Option<String>,
    pub proration: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LinePricing {
    /// Price of a unit in minor units with up to 12 decimals; null for a proration and for a flat fee.
    pub unit_amount_decimal: Option<Decimal>,
    pub price_details: Option<PriceDetails>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PriceDetails {
    pub price: Expandable<Id>,
    pub product: String,
}

has_id!(Invoice, Line);
