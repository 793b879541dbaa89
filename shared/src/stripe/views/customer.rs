//! Customers, Checkout Sessions and Billing Portal sessions.

use std::collections::HashMap;

use serde::Deserialize;

use super::common::{Expandable, Id, has_id};
use super::validated;
use crate::values::{Currency, Timestamp};

/// A customer. Stripe sends nothing but the ID of a deleted one.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub currency: Option<Currency>,
    pub invoice_settings: Option<CustomerInvoiceSettings>,
    pub default_source: Option<Expandable<Id>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CustomerInvoiceSettings {
    pub default_payment_method: Option<Expandable<Id>>,
}

/// A Checkout Session.
#[derive(Clone, Debug, Deserialize)]
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
#[derive(Clone, Debug, Deserialize)]
pub struct PortalSession {
    #[serde(deserialize_with = "validated::page")]
    pub url: String,
}

has_id!(CheckoutSession);
