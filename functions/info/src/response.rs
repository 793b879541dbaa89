//! Builds the response from the billing state. No I/O.

use serde::Serialize;
use shared::Currency;
use shared::access::Caller;
use shared::billing::payment_method::DefaultPaymentMethod;
use shared::billing::state::BillingState;

use crate::capabilities::{Capabilities, Settings};
use crate::plans::{self, Plan};

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    provider: &'static str,
    mode: &'static str,
    publishable_key: Option<String>,
    currency: Currency,
    account: AccountBody,
    capabilities: Capabilities,
    plans: Vec<Plan>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountBody {
    id: String,
    handle: String,
    has_customer: bool,
    has_subscription: bool,
    has_payment_method: bool,
    payment_method: Option<PaymentMethodBody>,
}

/// The default payment method.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentMethodBody {
    r#type: String,
    brand: Option<String>,
    last4: Option<String>,
    exp_month: Option<u32>,
    exp_year: Option<u32>,
}

impl Info {
    /// Returns the response for a caller and its account's billing state.
    pub fn of(settings: Settings, caller: &Caller, billing: &BillingState) -> Self {
        let current = billing.current();
        let method = billing.payment_method();
        Self {
            provider: "stripe",
            mode: settings.mode.as_str(),
            currency: billing.currency,
            account: AccountBody {
                id: caller.account.id.clone(),
                handle: caller.account.handle.clone(),
                has_customer: billing.customer.is_some(),
                has_subscription: current.is_some(),
                has_payment_method: method.is_some(),
                payment_method: method.as_ref().map(PaymentMethodBody::of),
            },
            capabilities: Capabilities::of(caller.scope, &settings, billing),
            plans: plans::list(&billing.offers, current.as_ref()),
            publishable_key: settings.publishable_key,
        }
    }
}

impl PaymentMethodBody {
    fn of(method: &DefaultPaymentMethod<'_>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            r#type: method.kind.to_owned(),
            brand: text(method.brand),
            last4: text(method.last4),
            exp_month: method.exp_month,
            exp_year: method.exp_year,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::Scope;

    use crate::fixtures::{SETTINGS, billing, subscription};

    use super::*;

    fn caller(scope: Scope) -> Caller {
        let account = shared::aws::table::Account {
            id: "acc_1".to_owned(),
            handle: "acme".to_owned(),
            parent: None,
            customer: Some("cus_1".to_owned()),
            created_at: 0.try_into().expect("a moment"),
        };
        Caller { account, scope, key_id: "key_1".to_owned(), own_account: "acc_1".to_owned() }
    }

    fn info(scope: Scope, billing: &BillingState) -> Value {
        serde_json::to_value(Info::of(SETTINGS(), &caller(scope), billing)).expect("serializes")
    }

    #[test]
    fn subscriber_with_an_admin_key_has_all_fields() {
        let card = json!({ "id": "pm_1", "type": "card", "card": { "brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030 } });
        let customer = json!({ "invoice_settings": { "default_payment_method": card } });
        let mut billing = billing(Some(&customer), vec![subscription(&json!({}))]);
        let expected = json!({
            "provider": "stripe", "mode": "test", "publishableKey": "pk_test_1", "currency": "USD",
            "account": {
                "id": "acc_1", "handle": "acme", "hasCustomer": true, "hasSubscription": true, "hasPaymentMethod": true,
                "paymentMethod": { "type": "card", "brand": "visa", "last4": "4242", "expMonth": 4, "expYear": 2030 },
            },
            "capabilities": { "checkout": false, "embeddedCheckout": false, "portal": true, "planChange": true },
            "plans": [],
        });
        let mut got = info(Scope::Admin, &billing);
        assert_eq!(got["plans"].as_array().expect("plans").len(), 1);
        got["plans"] = json!([]);
        assert_eq!(got, expected);
        billing.offers.clear();
        assert_eq!(
            info(Scope::Admin, &billing)["capabilities"]["planChange"],
            false,
            "no other plan"
        );
    }

    #[test]
    fn account_without_a_customer_or_with_a_deleted_one_has_none() {
        let got = info(Scope::Read, &billing(None, vec![]));
        assert_eq!(
            got["account"],
            json!({ "id": "acc_1", "handle": "acme", "hasCustomer": false, "hasSubscription": false, "hasPaymentMethod": false, "paymentMethod": null })
        );
    }
}
