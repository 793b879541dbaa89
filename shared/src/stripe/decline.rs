//! Declines: why a payment failed, in words that can be shown to the customer.

use serde::Serialize;

use super::views::PaymentError;

/// How a failed payment can be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineKind {
    /// The same card may succeed later.
    Soft,
    /// This card will not succeed again.
    Hard,
    /// The customer has to authenticate the payment.
    Authentication,
}

/// A failed payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decline {
    /// Stripe's error code, such as `card_declined`.
    pub code: Option<String>,
    /// The issuer's reason, such as `insufficient_funds`.
    pub decline_code: Option<String>,
    pub kind: DeclineKind,
    /// Text for the customer.
    pub message: String,
}

/// Decline codes after which Stripe does not retry the card.
/// Source: <https://docs.stripe.com/billing/revenue-recovery/smart-retries#hard-declines>.
const HARD: [&str; 8] = [
    "incorrect_number",
    "lost_card",
    "stolen_card",
    "pickup_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "highest_risk_level",
    "transaction_not_allowed",
];

/// Decline codes that hint at fraud. Stripe asks to present them as a generic decline, because the
/// customer may be the fraudster. Source: <https://docs.stripe.com/declines/codes>.
const FRAUD: [&str; 7] = [
    "fraudulent",
    "highest_risk_level",
    "lost_card",
    "merchant_blacklist",
    "pickup_card",
    "security_violation",
    "stolen_card",
];

const AUTHENTICATION_REQUIRED: &str = "authentication_required";

impl Decline {
    /// Reads the error of a payment.
    pub fn of(error: &PaymentError) -> Self {
        let is = |code: &str| {
            [&error.code, &error.decline_code].iter().any(|given| given.as_deref() == Some(code))
        };
        if is(AUTHENTICATION_REQUIRED) || is("payment_intent_authentication_failure") {
            return Self::authentication();
        }
        let kind = if HARD.into_iter().any(is) { DeclineKind::Hard } else { DeclineKind::Soft };
        if FRAUD.into_iter().any(is) {
            return Self {
                code: Some("card_declined".to_owned()),
                decline_code: Some("generic_decline".to_owned()),
                kind,
                message: Self::GENERIC.to_owned(),
            };
        }
        Self {
            code: error.code.clone(),
            decline_code: error.decline_code.clone(),
            kind,
            message: error.message.clone().unwrap_or_else(|| Self::GENERIC.to_owned()),
        }
    }

    /// Returns the decline of a customer without a payment method.
    pub fn no_payment_method() -> Self {
        Self {
            code: None,
            decline_code: None,
            kind: DeclineKind::Hard,
            message: "There is no payment method to charge.".to_owned(),
        }
    }

    const GENERIC: &str = "Your card was declined.";

    /// Returns the decline of a payment that the customer has to authenticate.
    pub fn authentication() -> Self {
        Self {
            code: Some(AUTHENTICATION_REQUIRED.to_owned()),
            decline_code: None,
            kind: DeclineKind::Authentication,
            message: "Your bank wants you to authenticate this payment.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn failure_is_shown_with_its_kind() {
        let declined = |decline: &str| json!({ "code": "card_declined", "decline_code": decline, "message": "Stripe's words." });
        let shown = |code: &str, decline: Value, kind: &str, message: &str| json!({ "code": code, "declineCode": decline, "kind": kind, "message": message });
        let plain = |kind| {
            shown("card_declined", json!("generic_decline"), kind, "Your card was declined.")
        };
        let authentication = shown(
            "authentication_required",
            Value::Null,
            "authentication",
            "Your bank wants you to authenticate this payment.",
        );
        let cases = [
            (
                declined("insufficient_funds"),
                shown("card_declined", json!("insufficient_funds"), "soft", "Stripe's words."),
            ),
            (
                declined("transaction_not_allowed"),
                shown("card_declined", json!("transaction_not_allowed"), "hard", "Stripe's words."),
            ),
            (
                json!({ "code": "expired_card" }),
                shown("expired_card", Value::Null, "soft", "Your card was declined."),
            ),
            (declined("stolen_card"), plain("hard")),
            (declined("fraudulent"), plain("soft")),
            (declined("authentication_required"), authentication.clone()),
            (json!({ "code": "payment_intent_authentication_failure" }), authentication),
        ];
        for (error, expected) in cases {
            let error_view: PaymentError = serde_json::from_value(error.clone()).expect("an error");
            let decline = serde_json::to_value(Decline::of(&error_view)).expect("serializes");
            assert_eq!(decline, expected, "{error}");
        }
    }
}
