//! Test payment methods: cards and all others.

use serde::{Deserialize, Serialize};

use super::accounts::TestAccount;
use super::cards::TestCard;
use super::outcomes::Outcome;

/// Card, bank account or other means of payment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    Card(TestCard),
    Account(TestAccount),
}

impl Instrument {
    pub fn from_token(token: &str) -> Option<Instrument> {
        TestCard::from_token(token)
            .map(Instrument::Card)
            .or_else(|| TestAccount::from_token(token).map(Instrument::Account))
    }

    /// Returns the `type` of the payment method.
    pub fn kind(self) -> &'static str {
        match self {
            Instrument::Card(_) => "card",
            Instrument::Account(account) => account.spec().kind.as_str(),
        }
    }

    pub fn is_card(self) -> bool {
        matches!(self, Instrument::Card(_))
    }

    /// Returns whether it can be saved for later payments.
    pub fn is_reusable(self) -> bool {
        match self {
            Instrument::Card(card) => card.save().is_ok(),
            Instrument::Account(account) => account.spec().kind.is_debit(),
        }
    }

    /// Returns whether failed payments are retried automatically.
    pub fn is_retried(self) -> bool {
        match self {
            Instrument::Card(_) => true,
            Instrument::Account(account) => account.spec().kind.is_retried(),
        }
    }

    /// Returns the outcome of a charge. `set_up`: the card was authenticated when it was saved.
    pub fn charge(self, set_up: bool) -> Outcome {
        match self {
            Instrument::Card(card) => card.charge(set_up),
            Instrument::Account(account) => account.charge(),
        }
    }
}
