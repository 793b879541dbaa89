//! Customers, Checkout Sessions and Billing Portal sessions.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::common::{Expandable, Id, has_id};
use super::payment::DefaultMethod;
use super::validated;
use crate::values::{Currency, Timestamp};

/// A customer that exists.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Customer {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub currency: Option<Currency>,
    /// Minor units of `currency`; negative for a credit.
    pub balance: i64,
    pub discount: Option<Discount>,
    pub invoice_settings: Option<CustomerInvoiceSettings>,
    pub default_source: Option<Expandable<Id>>,
    /// Present only if expanded.
    pub tax: Option<CustomerTax>,
}

impl Customer {
    /// Returns whether Stripe knows that the address is insufficient for automatic tax.
    pub fn lacks_tax_location(&self) -> bool {
        self.tax.as_ref().is_some_and(|tax| tax.automatic_tax == "unrecognized_location")
    }
}

/// Whether tax can be computed automatically for a customer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CustomerTax {
    pub automatic_tax: String,
}

/// A customer, or the rest of one: Stripe sends only the ID of a deleted customer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum MaybeCustomer {
    Deleted(Deleted),
    Existing(Box<Customer>),
}

/// The mark of a deleted object.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Deleted {
    pub deleted: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CustomerInvoiceSettings {
    pub default_payment_method: Option<DefaultMethod>,
}

/// A discount of a customer, a subscription or an item.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Discount {
    pub id: String,
    /// Null for a discount without an end.
    pub end: Option<Timestamp>,
    pub source: DiscountSource,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DiscountSource {
    pub coupon: Option<Expandable<Coupon>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Coupon {
    pub id: String,
    pub name: Option<String>,
    pub percent_off: Option<Decimal>,
    /// Minor units of `currency`.
    pub amount_off: Option<i64>,
    pub currency: Option<Currency>,
}

/// A Checkout Session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CheckoutSession {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub status: Option<String>,
    pub mode: String,
    /// Set for an open session on Stripe's page.
    #[serde(default, deserialize_with = "validated::optional_page")]
    pub url: Option<String>,
    /// Set for an open session embedded in the caller's page.
    pub client_secret: Option<String>,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// A Billing Portal session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PortalSession {
    #[serde(deserialize_with = "validated::page")]
    pub url: String,
}

has_id!(CheckoutSession, Discount);
