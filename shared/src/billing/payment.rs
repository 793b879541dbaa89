//! Payments of invoices: paid, failed, processing, or waiting for the customer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::stripe::views::{IntentStatus, Invoice, InvoicePayment, InvoiceStatus, PaymentIntent};
use crate::stripe::{Decline, DeclineKind, Stripe, StripeError};
use crate::values::Timestamp;

/// The state of an invoice's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Nothing was attempted, or nothing has to be paid any more.
    None,
    Paid,
    /// Under way, neither paid nor failed: a bank debit takes days, a card in India 26 hours.
    Processing {
        since: Timestamp,
    },
    /// The customer has to act.
    ActionRequired(Action),
    Failed(Decline),
}

/// The customer's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Authenticate the card payment.
    Authenticate,
    /// Pay by the instructions on the invoice's page: a bank transfer or a voucher.
    FollowInstructions,
}

/// The next actions of card payments.
/// Source: <https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action-type>.
const CARD_ACTIONS: [&str; 3] = ["use_stripe_sdk", "redirect_to_url", "card_await_notification"];

impl Payment {
    /// Reads the payment of a customer's invoice, as [`Payments::load`] does.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        customer: &str,
        invoice: &Invoice,
    ) -> Result<Self, StripeError> {
        Ok(Payments::load(stripe, customer, [invoice]).await?.of(invoice))
    }

    /// Returns the state of a payment's attempts, each with whether it is the default one. A processing one decides, else
    /// the default one.
    fn of_intents(attempts: &[(bool, &PaymentIntent)]) -> Self {
        let processing = attempts
            .iter()
            .filter(|(_, intent)| intent.status == IntentStatus::Processing)
            .map(|(_, intent)| intent.created)
            .min();
        if let Some(since) = processing {
            return Self::Processing { since };
        }
        let default = attempts.iter().find(|(is_default, _)| *is_default);
        let decisive = default.or(attempts.first());
        decisive.map_or(Self::None, |(_, intent)| Self::of_intent(intent))
    }

    /// Returns the state of one attempt.
    pub fn of_intent(intent: &PaymentIntent) -> Self {
        let failure = || intent.last_payment_error.as_ref().map(Decline::of);
        match intent.status {
            IntentStatus::Processing => Self::Processing { since: intent.created },
            IntentStatus::Succeeded => Self::Paid,
            IntentStatus::RequiresAction => Self::ActionRequired(Action::of(intent)),
            IntentStatus::RequiresPaymentMethod => match failure() {
                Some(decline) if decline.kind == DeclineKind::Authentication => {
                    Self::ActionRequired(Action::Authenticate)
                }
                failure => failure.map_or(Self::None, Self::Failed),
            },
            // The invoice is void by now, so an authentication is no longer possible.
            IntentStatus::Canceled => failure()
                .filter(|decline| decline.kind != DeclineKind::Authentication)
                .map_or(Self::None, Self::Failed),
            IntentStatus::RequiresConfirmation | IntentStatus::RequiresCapture => Self::None,
        }
    }

    /// Returns whether the payment is under way.
    pub fn is_processing(&self) -> bool {
        matches!(self, Self::Processing { .. })
    }

    /// Returns why the payment failed, or that it needs an authentication.
    pub fn failure(&self) -> Option<Decline> {
        match self {
            Self::Failed(decline) => Some(decline.clone()),
            Self::ActionRequired(Action::Authenticate) => Some(Decline::authentication()),
            Self::None
            | Self::Paid
            | Self::Processing { .. }
            | Self::ActionRequired(Action::FollowInstructions) => None,
        }
    }

    /// Returns the contract's name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Paid => "paid",
            Self::Processing { .. } => "processing",
            Self::ActionRequired(_) => "action_required",
            Self::Failed(_) => "failed",
        }
    }
}

impl Action {
    fn of(intent: &PaymentIntent) -> Self {
        let takes_cards =
            intent.payment_method_types.iter().any(|kind| kind == "card" || kind == "link");
        let is_of_a_card = |kind: &str| takes_cards && CARD_ACTIONS.contains(&kind);
        // Cards that need an authentication off session have no next action before the customer is there.
        let action = intent.next_action.as_ref().map(|action| action.kind.as_str());
        match action {
            Some(kind) if !is_of_a_card(kind) => Self::FollowInstructions,
            _ => Self::Authenticate,
        }
    }
}

/// The payments of some invoices.
#[derive(Debug, Default)]
pub struct Payments {
    /// Attempts by invoice.
    attempts: HashMap<String, Vec<InvoicePayment>>,
    /// Intents by ID.
    intents: HashMap<String, PaymentIntent>,
}

impl Payments {
    /// Reads the payments of a customer's invoices, which were read with `payments` expanded. One call to Stripe
    /// if one of them has a payment and is not paid; none otherwise.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        customer: &str,
        invoices: impl IntoIterator<Item = &Invoice>,
    ) -> Result<Self, StripeError> {
        let mut payments = Self::default();
        for invoice in invoices {
            let Some(embedded) = &invoice.payments else { continue };
            if invoice.status == InvoiceStatus::Paid {
                continue;
            }
            // Stripe embeds ten.
            let attempts = if embedded.has_more {
                Box::pin(stripe.payments(&invoice.id)).await?
            } else {
                embedded.data.clone()
            };
            payments.attempts.insert(invoice.id.clone(), attempts);
        }
        let attempts = payments.attempts.values().flatten();
        let ids: Vec<String> =
            attempts.filter_map(InvoicePayment::intent_id).map(str::to_owned).collect();
        if ids.is_empty() {
            return Ok(payments);
        }
        for intent in stripe.newest_intents(customer).await? {
            payments.intents.insert(intent.id.clone(), intent);
        }
        for id in ids {
            if let Entry::Vacant(missing) = payments.intents.entry(id) {
                let older = Box::pin(stripe.payment_intent(missing.key())).await?;
                missing.insert(older);
            }
        }
        Ok(payments)
    }

    /// Returns the state of an invoice's payment.
    pub fn of(&self, invoice: &Invoice) -> Payment {
        match invoice.status {
            InvoiceStatus::Paid => Payment::Paid,
            InvoiceStatus::Draft | InvoiceStatus::Void => Payment::None,
            InvoiceStatus::Open | InvoiceStatus::Uncollectible => match self.attempt(invoice) {
                // A part is paid, and the rest was not attempted.
                Payment::Paid => Payment::None,
                payment => payment,
            },
        }
    }

    /// Returns the state of the last attempt to pay an invoice, whatever the invoice's status.
    fn attempt(&self, invoice: &Invoice) -> Payment {
        let attempts = self.attempts.get(&invoice.id).map(Vec::as_slice).unwrap_or_default();
        let intents: Vec<_> = attempts
            .iter()
            .filter_map(|attempt| {
                Some((attempt.is_default, self.intents.get(attempt.intent_id()?)?))
            })
            .collect();
        Payment::of_intents(&intents)
    }
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::{Value, json};

    use super::*;

    fn intent(status: &str, error: &Value, action: &Value, types: &[&str]) -> PaymentIntent {
        view(json!({
            "id": "pi_1", "status": status, "created": 7, "last_payment_error": error,
            "next_action": action, "payment_method_types": types,
        }))
    }

    #[test]
    fn each_status_has_its_state() {
        let none = Value::Null;
        let declined = json!({ "code": "card_declined", "decline_code": "insufficient_funds" });
        let authenticate = json!({ "code": "authentication_required" });
        let action = |kind: &str| json!({ "type": kind });
        let card: &[&str] = &["card"];
        let cases = [
            ("succeeded", &none, none.clone(), card, "paid", None),
            ("processing", &declined, none.clone(), card, "processing", None),
            ("requires_payment_method", &none, none.clone(), card, "none", None),
            (
                "requires_payment_method",
                &declined,
                none.clone(),
                card,
                "failed",
                Some(DeclineKind::Soft),
            ),
            (
                "requires_payment_method",
                &authenticate,
                none.clone(),
                card,
                "action_required",
                Some(DeclineKind::Authentication),
            ),
            (
                "requires_action",
                &none,
                action("use_stripe_sdk"),
                card,
                "action_required",
                Some(DeclineKind::Authentication),
            ),
            (
                "requires_action",
                &none,
                none.clone(),
                card,
                "action_required",
                Some(DeclineKind::Authentication),
            ),
            (
                "requires_action",
                &none,
                action("redirect_to_url"),
                &["ideal"],
                "action_required",
                None,
            ),
            (
                "requires_action",
                &none,
                action("boleto_display_details"),
                &["boleto"],
                "action_required",
                None,
            ),
            (
                "requires_action",
                &none,
                action("display_bank_transfer_instructions"),
                &["card", "customer_balance"],
                "action_required",
                None,
            ),
            (
                "requires_action",
                &none,
                action("verify_with_microdeposits"),
                &["us_bank_account"],
                "action_required",
                None,
            ),
            ("canceled", &declined, none.clone(), card, "failed", Some(DeclineKind::Soft)),
            ("canceled", &authenticate, none.clone(), card, "none", None),
            ("canceled", &none, none.clone(), card, "none", None),
            ("requires_confirmation", &none, none.clone(), card, "none", None),
            ("requires_capture", &none, none.clone(), card, "none", None),
        ];
        for (status, error, action, types, name, failure) in cases {
            let intent = intent(status, error, &action, types);
            let payment = Payment::of_intents(&[(true, &intent)]);
            let got = (payment.as_str(), payment.failure().map(|decline| decline.kind));
            assert_eq!(got, (name, failure), "{status} {error} {action}");
        }
        assert_eq!(Payment::of_intents(&[]), Payment::None);
    }

    #[test]
    fn processing_attempt_decides_then_the_default_one() {
        let none = Value::Null;
        let declined = json!({ "code": "card_declined" });
        let failed = intent("requires_payment_method", &declined, &none, &["card"]);
        let processing = intent("processing", &none, &none, &["card"]);
        let idle = intent("requires_payment_method", &none, &none, &["card"]);
        let name = |attempts: &[(bool, &PaymentIntent)]| Payment::of_intents(attempts).as_str();
        assert_eq!(name(&[(true, &failed), (false, &processing)]), "processing");
        assert_eq!(name(&[(false, &idle), (true, &failed)]), "failed");
        assert_eq!(name(&[(false, &failed), (false, &idle)]), "failed");
    }

    #[test]
    fn status_of_the_invoice_limits_its_payment() {
        let none = Value::Null;
        let payments = |status: &str| Payments {
            attempts: HashMap::from([(
                "in_1".to_owned(),
                vec![view(
                    json!({ "id": "inpay_1", "is_default": true, "payment": { "payment_intent": "pi_1" } }),
                )],
            )]),
            intents: HashMap::from([("pi_1".to_owned(), intent(status, &none, &none, &["card"]))]),
        };
        let of = |invoice: &str, intent: &str| {
            payments(intent).of(&view(fixtures::invoice("in_1", invoice, 1))).as_str()
        };
        assert_eq!(of("paid", "canceled"), "paid");
        assert_eq!(of("void", "processing"), "none");
        assert_eq!(of("draft", "processing"), "none");
        assert_eq!(of("uncollectible", "processing"), "processing");
        assert_eq!(of("open", "processing"), "processing");
        assert_eq!(of("open", "succeeded"), "none");
    }
}
