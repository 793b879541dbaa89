//! Customers, their balance transactions, payment methods and test clocks.

use serde::{Deserialize, Serialize};

use super::tax_id::TaxId;
use super::{Entity, Metadata, string_enum};
use crate::values::instruments::Instrument;
use crate::values::money::Currency;
use crate::values::outcomes::Outcome;
use crate::values::period::Timestamp;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    pub id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub description: Option<String>,
    pub address: Option<Address>,
    pub metadata: Metadata,
    /// Negative is credit, positive is owed.
    pub balance: i64,
    /// Set by the first invoice, subscription or balance transaction.
    pub currency: Option<Currency>,
    pub invoice_prefix: String,
    pub next_invoice_sequence: i64,
    pub default_payment_method: Option<String>,
    pub preferred_locales: Vec<String>,
    pub tax_exempt: TaxExempt,
    /// Entered on the checkout page or in the portal.
    pub tax_ids: Vec<TaxId>,
    pub test_clock: Option<String>,
    pub created: Timestamp,
    pub deleted: bool,
}

string_enum!(TaxExempt { Exempt = "exempt", None = "none", Reverse = "reverse" });

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Address {
    pub city: Option<String>,
    pub country: Option<String>,
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub postal_code: Option<String>,
    pub state: Option<String>,
}

impl Entity for Customer {
    const KIND: &'static str = "customer";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        if self.deleted {
            return Vec::new();
        }
        let mut keys: Vec<String> =
            self.email.iter().map(|email| format!("email={email}")).collect();
        if let Some(clock) = &self.test_clock {
            keys.push(format!("test_clock={clock}"));
        } else {
            keys.push("all".into());
            keys.extend(self.email.iter().map(|email| format!("live&email={email}")));
        }
        keys
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentMethod {
    pub id: String,
    pub instrument: Instrument,
    /// Test payment method that decides the outcome of charges. Initially the same one;
    /// `/_sandbox/payment_methods/{id}` changes it.
    pub behaves_as: Instrument,
    pub customer: Option<String>,
    /// The card was authenticated when it was saved. Some cards need no authentication after that.
    pub set_up: bool,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl PaymentMethod {
    /// Returns the outcome of a charge.
    pub fn charge(&self) -> Outcome {
        self.behaves_as.charge(self.set_up)
    }
}

impl Entity for PaymentMethod {
    const KIND: &'static str = "PaymentMethod";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        self.customer.iter().map(|customer| format!("customer={customer}")).collect()
    }
}

string_enum!(BalanceReason {
    Adjustment = "adjustment",
    AppliedToInvoice = "applied_to_invoice",
    Initial = "initial",
    InvoiceTooSmall = "invoice_too_small",
    UnappliedFromInvoice = "unapplied_from_invoice",
});

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BalanceTransaction {
    pub id: String,
    pub customer: String,
    pub amount: i64,
    pub currency: Currency,
    pub ending_balance: i64,
    pub reason: BalanceReason,
    pub invoice: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl Entity for BalanceTransaction {
    const KIND: &'static str = "customer balance transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec![format!("customer={}", self.customer)]
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestClock {
    pub id: String,
    pub name: Option<String>,
    pub frozen_time: Timestamp,
    /// Time that the clock is advancing to.
    pub target: Option<Timestamp>,
    pub created: Timestamp,
}

impl Entity for TestClock {
    const KIND: &'static str = "test clock";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec!["all".into()];
        keys.extend(self.target.map(|_| "advancing".into()));
        keys
    }
}
