//! Customer portal: configurations and sessions.

use serde::{Deserialize, Serialize};

use super::{Entity, Metadata, string_enum};
use crate::values::cards::TestCard;
use crate::values::period::{HOUR, Timestamp};

string_enum!(CancelMode { AtPeriodEnd = "at_period_end", Immediately = "immediately" });
string_enum!(FlowType {
    CustomerUpdate = "customer_update",
    PaymentMethodUpdate = "payment_method_update",
    SubscriptionCancel = "subscription_cancel",
    SubscriptionUpdate = "subscription_update",
    SubscriptionUpdateConfirm = "subscription_update_confirm",
});

string_enum!(CustomerUpdate {
    Address = "address",
    Email = "email",
    Name = "name",
    Phone = "phone",
    TaxId = "tax_id",
});

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    pub id: String,
    pub name: Option<String>,
    pub active: bool,
    pub is_default: bool,
    pub default_return_url: Option<String>,
    pub headline: Option<String>,
    pub privacy_policy_url: Option<String>,
    pub terms_of_service_url: Option<String>,
    pub features: Features,
    pub metadata: Metadata,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Features {
    /// Fields of the customer that the portal can change; None if the feature is disabled.
    pub customer_update: Option<Vec<CustomerUpdate>>,
    pub invoice_history: bool,
    pub payment_method_update: bool,
    pub subscription_cancel: bool,
    pub cancel_mode: CancelMode,
    /// Cancellation reasons to choose from; None if the page does not ask.
    pub cancel_reasons: Option<Vec<String>>,
}

impl Features {
    pub const NONE: Features = Features {
        customer_update: None,
        invoice_history: false,
        payment_method_update: false,
        subscription_cancel: false,
        cancel_mode: CancelMode::AtPeriodEnd,
        cancel_reasons: None,
    };

    /// Returns the features of the default configuration.
    pub fn all() -> Features {
        Features {
            customer_update: Some(CustomerUpdate::NAMES.iter().map(|(_, field)| *field).collect()),
            invoice_history: true,
            payment_method_update: true,
            subscription_cancel: true,
            ..Features::NONE
        }
    }
}

impl Entity for Configuration {
    const KIND: &'static str = "configuration";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec!["all".to_owned()];
        if self.is_default {
            keys.push("default".to_owned());
        }
        keys
    }
}

/// Lifetime in seconds of a link that nobody has opened.
const UNUSED: i64 = 5 * 60;
/// Lifetime in seconds after the last opened page.
const IDLE: i64 = HOUR;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    /// Secret part of the URL.
    pub token: String,
    pub customer: String,
    pub configuration: String,
    pub return_url: Option<String>,
    pub locale: Option<String>,
    pub flow: Option<Flow>,
    /// The flow is complete; the portal's own pages follow.
    pub flow_done: bool,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
    /// New card that is waiting for authentication.
    pub authenticating: Option<TestCard>,
}

impl Session {
    pub fn is_alive(&self, now: Timestamp) -> bool {
        match self.last_used {
            None => now < self.created + UNUSED,
            Some(used) => now < used + IDLE,
        }
    }
}

impl Entity for Session {
    const KIND: &'static str = "billing_portal.session";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec![format!("token={}", self.token)]
    }
}

/// Flow: a link that opens one page of the portal directly.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    pub kind: FlowType,
    pub subscription: Option<String>,
    pub after: After,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum After {
    Homepage,
    Confirmation(Option<String>),
    Redirect(String),
}
