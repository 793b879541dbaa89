//! Customers, and the sessions that they are sent to.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Expandable, Id, checked};
use crate::respond::{Currency, Timestamp};

/// A customer; of a deleted one Stripe gives no more than the id.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    #[serde(deserialize_with = "checked::id")]
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
    #[serde(deserialize_with = "checked::id")]
    pub id: String,
    pub status: Option<String>,
    pub mode: String,
    /// Of an open one on Stripe's own page.
    #[serde(default, deserialize_with = "checked::maybe_page")]
    pub url: Option<String>,
    /// Of an open one on the caller's page.
    pub client_secret: Option<String>,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// A Billing Portal session.
#[derive(Clone, Debug, Deserialize)]
pub struct PortalSession {
    #[serde(deserialize_with = "checked::page")]
    pub url: String,
}
