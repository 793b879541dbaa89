//! Checkout sessions.

use serde::{Deserialize, Serialize};

use super::catalog::RequestedDiscount;
use super::customer::Address;
use super::invoice::LineTax;
use super::subscription::TrialSettings;
use super::tax_id::TaxId;
use super::{Entity, Metadata, string_enum};
use crate::values::cards::TestCard;
use crate::values::money::Currency;
use crate::values::period::Timestamp;

string_enum!(UiMode { Elements = "elements", Embedded = "embedded_page", Form = "form", Hosted = "hosted_page" });
string_enum!(Mode { Payment = "payment", Setup = "setup", Subscription = "subscription" });
string_enum!(Status { Complete = "complete", Expired = "expired", Open = "open" });
string_enum!(MethodCollection { Always = "always", IfRequired = "if_required" });
string_enum!(Redirect { Always = "always", IfRequired = "if_required", Never = "never" });
string_enum!(PaymentStatus { NotRequired = "no_payment_required", Paid = "paid", Unpaid = "unpaid" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    /// Part of the client secret after the ID.
    pub secret: String,
    pub ui: UiMode,
    pub customer: Option<String>,
    pub customer_email: Option<String>,
    pub client_reference_id: Option<String>,
    pub metadata: Metadata,
    pub locale: Option<String>,
    pub lines: Vec<LineItem>,
    pub currency: Currency,
    pub discounts: Vec<RequestedDiscount>,
    pub allow_promotion_codes: Option<bool>,
    pub collection: MethodCollection,
    pub subscription_data: SubscriptionData,
    pub tax: Tax,
    pub urls: Urls,
    pub created: Timestamp,
    pub expires_at: Timestamp,
    /// Expired, by request or by time.
    pub expired: bool,
    pub completed: Option<Completed>,
    /// Payer whose card is waiting for authentication.
    pub authenticating: Option<Payer>,
}

/// Line item, and its amounts on the first invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineItem {
    pub id: String,
    pub price: String,
    /// None for metered prices.
    pub quantity: Option<i64>,
    pub tax_rates: Vec<String>,
    pub metadata: Metadata,
    pub subtotal: i64,
    pub discounts: Vec<(String, i64)>,
    pub taxes: Vec<LineTax>,
}

impl LineItem {
    pub fn discount(&self) -> i64 {
        self.discounts.iter().map(|(_, amount)| amount).sum()
    }

    pub fn tax(&self) -> i64 {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }

    pub fn total(&self) -> i64 {
        let on_top: i64 =
            self.taxes.iter().filter(|tax| !tax.inclusive).map(|tax| tax.amount).sum();
        self.subtotal - self.discount() + on_top
    }
}

/// Parameters of the subscription to create.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SubscriptionData {
    pub metadata: Metadata,
    pub description: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub trial: Option<Trial>,
    pub trial_settings: TrialSettings,
    /// Prorations list their discounts (`proration_discounts=itemized`).
    pub itemized: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Trial {
    Days(i64),
    Until(Timestamp),
}

/// Tax settings, and the customer fields that Checkout collects or saves because of them.
#[expect(clippy::struct_excessive_bools, reason = "Stripe's parameters, each on or off")]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tax {
    pub automatic: bool,
    pub ids: bool,
    pub address_required: bool,
    /// A customer of a country with tax IDs must enter one.
    pub id_required: bool,
    pub keep_address: bool,
    pub keep_name: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Urls {
    pub success: Option<String>,
    pub cancel: Option<String>,
    pub back: Option<String>,
    pub redirect: Option<Redirect>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Completed {
    pub subscription: String,
    pub invoice: Option<String>,
    pub payment: PaymentStatus,
}

/// Payer, as entered in the page's form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payer {
    /// None if the page does not ask for a card.
    pub card: Option<TestCard>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub business_name: Option<String>,
    pub address: Option<Address>,
    pub tax_id: Option<TaxId>,
}

impl Session {
    pub fn status(&self, now: Timestamp) -> Status {
        if self.completed.is_some() {
            Status::Complete
        } else if self.expired || now >= self.expires_at {
            Status::Expired
        } else {
            Status::Open
        }
    }

    /// Returns the time at which an open session expires.
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.completed.is_none() && !self.expired).then_some(self.expires_at)
    }

    pub fn client_secret(&self) -> String {
        format!("{}_secret_{}", self.id, self.secret)
    }
}

impl Entity for Session {
    const KIND: &'static str = "checkout.session";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec!["all".to_owned()];
        keys.extend(self.customer.iter().map(|customer| format!("customer={customer}")));
        let done = self.completed.as_ref();
        keys.extend(done.map(|done| format!("subscription={}", done.subscription)));
        keys.extend(self.lines.iter().map(|line| format!("line={}", line.id)));
        keys
    }
}
