//! Reasons of failed payments.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reason of a failed charge, as reported in `last_payment_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `type` of the error: `card_error`, or `invalid_request_error` for other payment methods.
    pub kind: &'static str,
    pub code: &'static str,
    pub decline_code: Option<&'static str>,
    pub advice_code: Option<&'static str>,
    pub network_decline_code: Option<&'static str>,
    /// Parameter of the card that is wrong, when the card is saved. Often empty.
    pub param: &'static str,
    pub message: &'static str,
}

const fn card(
    code: &'static str,
    decline_code: Option<&'static str>,
    advice_code: &'static str,
    message: &'static str,
) -> Failure {
    Failure {
        kind: "card_error",
        code,
        decline_code,
        advice_code: Some(advice_code),
        network_decline_code: None,
        param: "",
        message,
    }
}

const fn other(code: &'static str, message: &'static str) -> Failure {
    Failure {
        kind: "invalid_request_error",
        code,
        decline_code: None,
        advice_code: None,
        network_decline_code: None,
        param: "",
        message,
    }
}

pub const GENERIC: Failure = Failure {
    network_decline_code: Some("01"),
    ..card("card_declined", Some("generic_decline"), "try_again_later", "Your card was declined.")
};
pub const FUNDS: Failure = card(
    "card_declined",
    Some("insufficient_funds"),
    "try_again_later",
    "Your card has insufficient funds.",
);
pub const LOST: Failure =
    card("card_declined", Some("lost_card"), "do_not_try_again", "Your card was declined.");
pub const STOLEN: Failure =
    card("card_declined", Some("stolen_card"), "do_not_try_again", "Your card was declined.");
pub const EXPIRED: Failure = Failure {
    param: "exp_month",
    ..card("expired_card", None, "confirm_card_data", "Your card has expired.")
};
pub const CVC: Failure = Failure {
    param: "cvc",
    ..card("incorrect_cvc", None, "confirm_card_data", "Your card's security code is incorrect.")
};
pub const PROCESSING: Failure = card(
    "processing_error",
    None,
    "try_again_later",
    "An error occurred while processing your card. Try again in a little bit.",
);

/// Failure of a charge whose authentication did not succeed.
pub const AUTHENTICATION_FAILED: Failure = Failure {
    kind: "card_error",
    ..other(
        "payment_intent_authentication_failure",
        "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    )
};

pub const ACCOUNT_CLOSED: Failure =
    other("account_closed", "The customer's bank account has been closed.");
pub const NO_ACCOUNT: Failure =
    other("no_account", "The customer's bank account could not be located.");
pub const ACCOUNT_FUNDS: Failure = other(
    "insufficient_funds",
    "The customer's account has insufficient funds to cover this payment.",
);
pub const DEBIT_NOT_AUTHORIZED: Failure = other(
    "debit_not_authorized",
    "The customer has notified their bank that this payment was unauthorized.",
);
pub const INVALID_CURRENCY: Failure =
    other("invalid_currency", "The bank account does not support the payment's currency.");
pub const SOURCE_LIMIT: Failure = other(
    "charge_exceeds_source_limit",
    "This payment exceeds the account's weekly limit on payment volume.",
);
pub const TRANSACTION_LIMIT: Failure = other(
    "charge_exceeds_transaction_limit",
    "This payment exceeds the limit of a single transaction.",
);
pub const REFER_TO_CUSTOMER: Failure =
    other("refer_to_customer", "The customer's bank refused the payment for an unknown reason.");
pub const COULD_NOT_PROCESS: Failure =
    other("generic_could_not_process", "The payment could not be processed.");

/// Failure of a payment whose voucher or instructions expired.
pub const ATTEMPT_EXPIRED: Failure = other(
    "payment_intent_payment_attempt_expired",
    "The customer did not pay in time, and the payment attempt expired.",
);

/// Every failure that a payment intent can store. A snapshot stores the name of a failure and looks
/// it up here.
const FAILURES: &[Failure] = &[
    GENERIC,
    FUNDS,
    LOST,
    STOLEN,
    EXPIRED,
    CVC,
    PROCESSING,
    AUTHENTICATION_FAILED,
    ACCOUNT_CLOSED,
    NO_ACCOUNT,
    ACCOUNT_FUNDS,
    DEBIT_NOT_AUTHORIZED,
    INVALID_CURRENCY,
    SOURCE_LIMIT,
    TRANSACTION_LIMIT,
    REFER_TO_CUSTOMER,
    COULD_NOT_PROCESS,
    ATTEMPT_EXPIRED,
];

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

/// Codes after which a bank account cannot be debited again: its mandate becomes inactive.
/// <https://docs.stripe.com/payments/bacs-debit#failed-payments>
const HARD_FAILURES: &[&str] = &["account_closed", "debit_not_authorized", "no_account"];

impl Failure {
    pub fn is_hard(&self) -> bool {
        self.decline_code.is_some_and(|code| HARD_DECLINES.contains(&code))
            || HARD_FAILURES.contains(&self.code)
    }

    /// Returns a name that is unique among all failures.
    fn name(&self) -> String {
        [self.code, self.decline_code.unwrap_or_default()].join("/")
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
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
    fn failures_round_trip_through_their_names() {
        for failure in FAILURES {
            let name = serde_json::to_string(failure).unwrap();
            assert_eq!(serde_json::from_str::<Failure>(&name).unwrap(), *failure, "{name}");
        }
    }

    #[test]
    fn payment_methods_that_cannot_be_used_again_fail_hard() {
        let hard: Vec<Failure> = FAILURES.iter().copied().filter(Failure::is_hard).collect();
        assert_eq!(hard, [LOST, STOLEN, ACCOUNT_CLOSED, NO_ACCOUNT, DEBIT_NOT_AUTHORIZED]);
    }
}
