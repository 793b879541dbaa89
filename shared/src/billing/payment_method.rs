//! The payment method that a charge of the subscription would use. No I/O.

use crate::stripe::views::{Customer, DefaultMethod, Expandable, Id, Subscription};

/// The default payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPaymentMethod<'a> {
    /// Stripe's type, such as `card` or `sepa_debit`.
    pub kind: &'a str,
    /// Brand of a card, such as `visa`.
    pub brand: Option<&'a str>,
    pub last4: Option<&'a str>,
    pub exp_month: Option<u32>,
    pub exp_year: Option<u32>,
}

/// Types whose payments take days. Pending updates do not support them.
/// Source: <https://docs.stripe.com/billing/subscriptions/pending-updates-reference#limitations>.
const DELAYED: [&str; 7] = [
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "bank_account",
    "nz_bank_account",
    "sepa_debit",
    "us_bank_account",
];

impl<'a> DefaultPaymentMethod<'a> {
    /// Returns the subscription's default, else the customer's.
    /// Source of the order: <https://docs.stripe.com/billing/subscriptions/payment-methods-setting>.
    pub fn of(
        subscription: Option<&'a Subscription>,
        customer: Option<&'a Customer>,
    ) -> Option<Self> {
        let settings = customer.and_then(|customer| customer.invoice_settings.as_ref());
        let method = |method: &'a Option<DefaultMethod>| method.as_ref().map(Self::of_method);
        let source = |source: &'a Option<Expandable<Id>>| source.as_ref().map(Self::of_source);
        subscription
            .and_then(|subscription| method(&subscription.default_payment_method))
            .or_else(|| source(&subscription?.default_source))
            .or_else(|| method(&settings?.default_payment_method))
            .or_else(|| source(&customer?.default_source))
    }

    fn of_method(method: &'a DefaultMethod) -> Self {
        let Expandable::Object(method) = method else { return Self::of_kind("unknown") };
        let card = method.card.as_ref();
        Self {
            kind: &method.kind,
            brand: card.map(|card| card.brand.as_str()),
            last4: method.last4(),
            exp_month: card.map(|card| card.exp_month),
            exp_year: card.map(|card| card.exp_year),
        }
    }

    /// Returns a method of the older kind, of which only the ID is read.
    fn of_source(source: &'a Expandable<Id>) -> Self {
        Self::of_kind(match source.id().split('_').next() {
            Some("card") => "card",
            Some("ba") => "bank_account",
            _ => "source",
        })
    }

    fn of_kind(kind: &'a str) -> Self {
        Self { kind, brand: None, last4: None, exp_month: None, exp_year: None }
    }

    /// Returns whether its payments take days, as bank debits do.
    pub fn is_delayed(&self) -> bool {
        DELAYED.contains(&self.kind)
    }
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn subscriptions_default_precedes_the_customers() {
        let card = |last4: &str| json!({ "id": "pm_1", "type": "card", "card": { "brand": "visa", "last4": last4, "exp_month": 4, "exp_year": 2030 } });
        let debit =
            json!({ "id": "pm_2", "type": "sepa_debit", "sepa_debit": { "last4": "3000" } });
        let settings =
            |method: &Value| json!({ "invoice_settings": { "default_payment_method": method } });
        let none = json!({});
        // subscription, customer → type, last four digits, delayed
        let cases = [
            (none.clone(), none.clone(), None),
            (none.clone(), settings(&Value::Null), None),
            (
                json!({ "default_payment_method": card("1111") }),
                settings(&debit),
                Some(("card", Some("1111"), false)),
            ),
            (json!({ "default_source": "card_1" }), settings(&debit), Some(("card", None, false))),
            (none.clone(), settings(&debit), Some(("sepa_debit", Some("3000"), true))),
            (none.clone(), settings(&json!("pm_1")), Some(("unknown", None, false))),
            (
                none.clone(),
                json!({ "default_source": { "id": "ba_1" } }),
                Some(("bank_account", None, true)),
            ),
            (none, json!({ "default_source": "src_1" }), Some(("source", None, false))),
        ];
        for (of_subscription, of_customer, expected) in cases {
            let subscription: Subscription =
                view(with(fixtures::subscription("sub_1", "active", &[]), &of_subscription));
            let customer: Customer = view(with(fixtures::customer("cus_1"), &of_customer));
            let found = DefaultPaymentMethod::of(Some(&subscription), Some(&customer));
            let got = found.as_ref().map(|method| (method.kind, method.last4, method.is_delayed()));
            assert_eq!(got, expected, "{of_subscription} {of_customer}");
        }
        assert_eq!(DefaultPaymentMethod::of(None, None), None);
    }
}
