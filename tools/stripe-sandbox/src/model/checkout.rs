//! Checkout sessions: what somebody is about to subscribe to on a page.

use serde::{Deserialize, Serialize};

use super::catalog::Redeem;
use super::invoice::LineTax;
use super::subscription::TrialSettings;
use super::{Entity, Metadata, words};
use crate::values::cards::TestCard;
use crate::values::money::Currency;
use crate::values::period::Timestamp;

words!(UiMode { Elements = "elements", Embedded = "embedded_page", Form = "form", Hosted = "hosted_page" });
words!(Mode { Payment = "payment", Setup = "setup", Subscription = "subscription" });
words!(Status { Complete = "complete", Expired = "expired", Open = "open" });
words!(MethodCollection { Always = "always", IfRequired = "if_required" });
words!(Redirect { Always = "always", IfRequired = "if_required", Never = "never" });
words!(PaymentStatus { NotRequired = "no_payment_required", Paid = "paid", Unpaid = "unpaid" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    /// What the client secret has after the id.
    pub secret: String,
    pub ui: UiMode,
    pub customer: Option<String>,
    pub customer_email: Option<String>,
    pub client_reference_id: Option<String>,
    pub metadata: Metadata,
    pub locale: Option<String>,
    pub lines: Vec<LineItem>,
    pub currency: Currency,
    pub discounts: Vec<Redeem>,
    pub allow_promotion_codes: Option<bool>,
    pub collection: MethodCollection,
    pub subscription_data: SubscriptionData,
    pub tax: Tax,
    pub urls: Urls,
    pub created: Timestamp,
    pub expires_at: Timestamp,
    /// Ended by request before its time.
    pub expired: bool,
    pub completed: Option<Completed>,
    /// A card whose holder is being asked to authenticate.
    pub authenticating: Option<Payer>,
}

/// One line, and what it costs at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineItem {
    pub id: String,
    pub price: String,
    /// None on metered prices.
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

/// What the subscription will be made with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SubscriptionData {
    pub metadata: Metadata,
    pub description: Option<String>,
    pub default_tax_rates: Vec<String>,
    pub trial: Option<Trial>,
    pub trial_settings: TrialSettings,
    /// Prorations show their discounts.
    pub itemized: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Trial {
    Days(i64),
    Until(Timestamp),
}

/// What is asked of the customer because of taxes, and kept of it.
#[expect(clippy::struct_excessive_bools, reason = "Stripe's parameters, each on or off")]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tax {
    pub automatic: bool,
    pub ids: bool,
    pub address_required: bool,
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

/// Who pays, as the page's form says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payer {
    /// None where none is asked for.
    pub card: Option<TestCard>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub country: Option<String>,
    pub postal_code: Option<String>,
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
