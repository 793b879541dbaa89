//! Stripe's test cards and the outcome of charging each.

use serde::{Deserialize, Serialize};

use super::failures::{CVC, EXPIRED, FUNDS, Failure, GENERIC, LOST, PROCESSING, STOLEN};
use super::outcomes::{Ending, Outcome};

/// Card that exists only in test mode, identified by its token and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestCard {
    Visa,
    VisaDebit,
    Mastercard,
    Amex,
    /// Can be saved, and declines every charge. Renewal and dunning tests use it.
    ChargeCustomerFail,
    AuthenticationOnSetup,
    AuthenticationAlways,
    Processing,
    Declined,
    InsufficientFunds,
    LostCard,
    StolenCard,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
}

/// Row of the card table.
pub struct CardSpec {
    pub card: TestCard,
    pub tokens: &'static [&'static str],
    pub number: &'static str,
    pub brand: &'static str,
    pub funding: &'static str,
    on_charge: OnCharge,
    saveable: bool,
}

#[derive(Clone, Copy)]
enum OnCharge {
    Succeed,
    Decline(Failure),
    /// Requires authentication, unless the card was authenticated when it was saved.
    AuthenticateOnce,
    AuthenticateAlways,
    /// Processes for a while and succeeds, as cards with a notice period do.
    Process,
}

const fn row(
    card: TestCard,
    tokens: &'static [&'static str],
    number: &'static str,
    on_charge: OnCharge,
    saveable: bool,
) -> CardSpec {
    CardSpec { card, tokens, number, brand: "visa", funding: "credit", on_charge, saveable }
}

pub const CARDS: &[CardSpec] = &[
    row(
        TestCard::Visa,
        &["pm_card_visa", "pm_card_us"],
        "4242424242424242",
        OnCharge::Succeed,
        true,
    ),
    CardSpec {
        funding: "debit",
        ..row(
            TestCard::VisaDebit,
            &["pm_card_visa_debit"],
            "4000056655665556",
            OnCharge::Succeed,
            true,
        )
    },
    CardSpec {
        brand: "mastercard",
        ..row(
            TestCard::Mastercard,
            &["pm_card_mastercard"],
            "5555555555554444",
            OnCharge::Succeed,
            true,
        )
    },
    CardSpec {
        brand: "amex",
        ..row(TestCard::Amex, &["pm_card_amex"], "378282246310005", OnCharge::Succeed, true)
    },
    row(
        TestCard::ChargeCustomerFail,
        &["pm_card_chargeCustomerFail", "pm_card_visa_chargeCustomerFail"],
        "4000000000000341",
        OnCharge::Decline(GENERIC),
        true,
    ),
    row(
        TestCard::AuthenticationOnSetup,
        &["pm_card_authenticationRequiredOnSetup"],
        "4000002500003155",
        OnCharge::AuthenticateOnce,
        true,
    ),
    row(
        TestCard::AuthenticationAlways,
        &["pm_card_authenticationRequired"],
        "4000002760003184",
        OnCharge::AuthenticateAlways,
        true,
    ),
    row(TestCard::Processing, &["pm_card_processing"], "4000003560000123", OnCharge::Process, true),
    row(
        TestCard::Declined,
        &["pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"],
        "4000000000000002",
        OnCharge::Decline(GENERIC),
        false,
    ),
    row(
        TestCard::InsufficientFunds,
        &[
            "pm_card_chargeDeclinedInsufficientFunds",
            "pm_card_visa_chargeDeclinedInsufficientFunds",
        ],
        "4000000000009995",
        OnCharge::Decline(FUNDS),
        false,
    ),
    row(
        TestCard::LostCard,
        &["pm_card_chargeDeclinedLostCard", "pm_card_visa_chargeDeclinedLostCard"],
        "4000000000009987",
        OnCharge::Decline(LOST),
        false,
    ),
    row(
        TestCard::StolenCard,
        &["pm_card_chargeDeclinedStolenCard", "pm_card_visa_chargeDeclinedStolenCard"],
        "4000000000009979",
        OnCharge::Decline(STOLEN),
        false,
    ),
    row(
        TestCard::ExpiredCard,
        &["pm_card_chargeDeclinedExpiredCard", "pm_card_visa_chargeDeclinedExpiredCard"],
        "4000000000000069",
        OnCharge::Decline(EXPIRED),
        false,
    ),
    row(
        TestCard::IncorrectCvc,
        &["pm_card_chargeDeclinedIncorrectCvc", "pm_card_visa_chargeDeclinedIncorrectCvc"],
        "4000000000000127",
        OnCharge::Decline(CVC),
        false,
    ),
    row(
        TestCard::ProcessingError,
        &["pm_card_chargeDeclinedProcessingError", "pm_card_visa_chargeDeclinedProcessingError"],
        "4000000000000119",
        OnCharge::Decline(PROCESSING),
        false,
    ),
];

impl TestCard {
    pub fn from_token(token: &str) -> Option<TestCard> {
        CARDS.iter().find(|spec| spec.tokens.contains(&token)).map(|spec| spec.card)
    }

    pub fn from_number(number: &str) -> Option<TestCard> {
        CARDS.iter().find(|spec| spec.number == number).map(|spec| spec.card)
    }

    pub fn spec(self) -> &'static CardSpec {
        CARDS.iter().find(|spec| spec.card == self).expect("every card has a row")
    }

    /// Checks the card with its bank, as saving does. Cards that decline every charge fail here
    /// already, except [`TestCard::ChargeCustomerFail`].
    pub fn save(self) -> Result<(), Failure> {
        match self.spec() {
            CardSpec { saveable: false, on_charge: OnCharge::Decline(failure), .. } => {
                Err(*failure)
            }
            _ => Ok(()),
        }
    }

    pub fn charge(self, set_up: bool) -> Outcome {
        match self.spec().on_charge {
            OnCharge::Succeed => Outcome::Succeeded,
            OnCharge::AuthenticateOnce if set_up => Outcome::Succeeded,
            OnCharge::AuthenticateOnce | OnCharge::AuthenticateAlways => Outcome::RequiresAction,
            OnCharge::Decline(failure) => Outcome::Declined(failure),
            OnCharge::Process => Outcome::Processing(Ending::Succeeds),
        }
    }

    pub fn last4(self) -> &'static str {
        let number = self.spec().number;
        &number[number.len() - 4..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declined_cards_fail_on_save_and_charge_customer_fail_on_charge() {
        assert!(TestCard::Declined.save().is_err());
        assert!(TestCard::ChargeCustomerFail.save().is_ok());
        assert_eq!(TestCard::ChargeCustomerFail.charge(true), Outcome::Declined(GENERIC));
    }

    #[test]
    fn authentication_is_required_once_or_always() {
        assert_eq!(TestCard::AuthenticationOnSetup.charge(false), Outcome::RequiresAction);
        assert_eq!(TestCard::AuthenticationOnSetup.charge(true), Outcome::Succeeded);
        assert_eq!(TestCard::AuthenticationAlways.charge(true), Outcome::RequiresAction);
    }
}
