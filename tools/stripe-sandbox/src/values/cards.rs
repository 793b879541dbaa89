//! Stripe's test cards and the outcome of charging each.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}

/// Reason of a failed charge, as reported in `last_payment_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: &'static str,
    pub decline_code: Option<&'static str>,
    pub advice_code: Option<&'static str>,
    pub network_decline_code: Option<&'static str>,
    /// Parameter of the card that is wrong, when the card is saved. Often empty.
    pub param: &'static str,
    pub message: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    RequiresAction,
    Declined(Failure),
}

const fn failure(
    code: &'static str,
    decline_code: Option<&'static str>,
    advice_code: &'static str,
    message: &'static str,
) -> Failure {
    Failure {
        code,
        decline_code,
        advice_code: Some(advice_code),
        network_decline_code: None,
        param: "",
        message,
    }
}

const GENERIC: Failure = Failure {
    network_decline_code: Some("01"),
    ..failure(
        "card_declined",
        Some("generic_decline"),
        "try_again_later",
        "Your card was declined.",
    )
};
const FUNDS: Failure = failure(
    "card_declined",
    Some("insufficient_funds"),
    "try_again_later",
    "Your card has insufficient funds.",
);
const LOST: Failure =
    failure("card_declined", Some("lost_card"), "do_not_try_again", "Your card was declined.");
const STOLEN: Failure =
    failure("card_declined", Some("stolen_card"), "do_not_try_again", "Your card was declined.");
const EXPIRED: Failure = Failure {
    param: "exp_month",
    ..failure("expired_card", None, "confirm_card_data", "Your card has expired.")
};
const CVC: Failure = Failure {
    param: "cvc",
    ..failure("incorrect_cvc", None, "confirm_card_data", "Your card's security code is incorrect.")
};
const PROCESSING: Failure = failure(
    "processing_error",
    None,
    "try_again_later",
    "An error occurred while processing your card. Try again in a little bit.",
);

/// Failure of a charge whose authentication did not succeed.
pub const AUTHENTICATION_FAILED: Failure = Failure {
    code: "payment_intent_authentication_failure",
    decline_code: None,
    advice_code: None,
    network_decline_code: None,
    param: "",
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
};

/// Every failure that a payment intent can store. A snapshot stores the name of a failure and looks
/// it up here.
const FAILURES: &[Failure] =
    &[GENERIC, FUNDS, LOST, STOLEN, EXPIRED, CVC, PROCESSING, AUTHENTICATION_FAILED];

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
        }
    }

    pub fn last4(self) -> &'static str {
        let number = self.spec().number;
        &number[number.len() - 4..]
    }
}

/// Decline codes after which Stripe does not charge the same card again, although the retry
/// schedule continues. <https://docs.stripe.com/declines/codes>
const HARD_DECLINES: &[&str] = &[
    "authentication_required",
    "highest_risk_level",
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
    "transaction_not_allowed",
];

impl Failure {
    pub fn is_hard(&self) -> bool {
        self.decline_code.is_some_and(|code| HARD_DECLINES.contains(&code))
    }

    /// Returns a name that is unique among all failures.
    fn name(&self) -> &'static str {
        self.decline_code.unwrap_or(self.code)
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Failure, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = FAILURES.iter().find(|failure| failure.name() == name);
        known.copied().ok_or_else(|| D::Error::custom(format!("unknown failure {name}")))
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

    #[test]
    fn failures_round_trip_through_their_names() {
        let declines = CARDS.iter().filter_map(|spec| match spec.on_charge {
            OnCharge::Decline(failure) => Some(failure),
            _ => None,
        });
        for failure in declines.chain([AUTHENTICATION_FAILED]) {
            let name = serde_json::to_string(&failure).unwrap();
            assert_eq!(serde_json::from_str::<Failure>(&name).unwrap(), failure, "{name}");
        }
    }

    #[test]
    fn lost_and_stolen_cards_are_hard_declines() {
        let hard: Vec<_> = [GENERIC, FUNDS, LOST, STOLEN, EXPIRED, CVC, PROCESSING]
            .iter()
            .map(Failure::is_hard)
            .collect();
        assert_eq!(hard, [false, false, true, true, false, false, false]);
    }
}
