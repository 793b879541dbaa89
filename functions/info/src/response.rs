//! Builds the response from the billing state. No I/O.

use serde::Serialize;
use shared::access::Caller;
use shared::billing::catalog::{FREE_TIER, Metered, Offer};
use shared::billing::subscription::Current;
use shared::stripe::views::{Customer, Interval};
use shared::values::{Mode, exact, unit_price};
use shared::{Currency, Money, Scope};

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
}

/// Calls that would be accepted now for this account and key.
#[expect(clippy::struct_excessive_bools, reason = "the contract has four")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    checkout: bool,
    embedded_checkout: bool,
    portal: bool,
    plan_change: bool,
}

#[derive(Debug, Serialize)]
struct Plan {
    plan: String,
    name: String,
    description: Option<String>,
    interval: &'static str,
    currency: Currency,
    amount: Money,
    metered: Vec<Usage>,
    current: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    meter: String,
    unit: Option<String>,
    included: String,
    /// Exact decimal in major units; null if it exceeds the range of a decimal.
    unit_amount: Option<String>,
}

/// Settings of the stack and its Stripe account.
pub struct Settings {
    pub mode: Mode,
    pub publishable_key: Option<String>,
    /// Currency of the plans.
    pub currency: Currency,
    /// Whether any return URL is allowed.
    pub has_pages: bool,
    /// Whether Stripe would open the Billing Portal.
    pub has_portal: bool,
}

/// The caller's account with its customer and subscription.
pub struct Account<'a> {
    caller: &'a Caller,
    customer: Option<&'a Customer>,
    current: Option<Current<'a>>,
}

impl<'a> Account<'a> {
    /// `current` is the current subscription.
    pub fn of(
        caller: &'a Caller,
        customer: Option<&'a Customer>,
        current: Option<Current<'a>>,
    ) -> Self {
        Self { caller, customer, current }
    }

    /// Returns whether a default payment method exists, which a charge would use. Source of the order:
    /// <https://docs.stripe.com/billing/subscriptions/payment-methods-setting>.
    fn has_payment_method(&self) -> bool {
        let of_subscription = self.current.as_ref().is_some_and(|current| {
            current.subscription.default_payment_method.is_some()
                || current.subscription.default_source.is_some()
        });
        let of_customer = self.customer.is_some_and(|customer| {
            let settings = customer.invoice_settings.as_ref();
            settings.is_some_and(|settings| settings.default_payment_method.is_some())
                || customer.default_source.is_some()
        });
        of_subscription || of_customer
    }

    fn body(&self) -> AccountBody {
        AccountBody {
            id: self.caller.account.id.clone(),
            handle: self.caller.account.handle.clone(),
            has_customer: self.caller.account.customer.is_some(),
            has_subscription: self.current.is_some(),
            has_payment_method: self.has_payment_method(),
        }
    }

    fn capabilities(&self, settings: &Settings) -> Capabilities {
        let admin = self.caller.scope >= Scope::Admin;
        let checkout = admin && self.current.is_none() && settings.has_pages;
        Capabilities {
            checkout,
            // The embedding page needs the publishable key.
            embedded_checkout: checkout && settings.publishable_key.is_some(),
            portal: admin && settings.has_portal,
            plan_change: admin
                && self.current.as_ref().is_some_and(|current| current.not_changeable().is_none()),
        }
    }

    /// Returns the account's tier and interval.
    fn plan(&self) -> Option<(&str, Interval)> {
        match &self.current {
            None => Some((FREE_TIER, Interval::Month)),
            Some(current) => {
                let plan = current.plan?;
                Some((plan.tier, plan.item.price.recurring.as_ref()?.interval))
            }
        }
    }
}

impl Info {
    /// `offers` are the plans in the currency of `settings`, in the order of the response.
    pub fn of(settings: Settings, account: &Account<'_>, offers: &[Offer]) -> Self {
        let on = account.plan();
        let plan = |offer: &Offer| Plan {
            plan: offer.tier.clone(),
            name: offer.name.clone(),
            description: offer.description.clone(),
            interval: offer.interval.as_str(),
            currency: settings.currency,
            amount: offer.amount,
            metered: offer
                .metered
                .iter()
                .map(|metered| usage(metered, settings.currency))
                .collect(),
            current: on == Some((offer.tier.as_str(), offer.interval)),
        };
        Self {
            provider: "stripe",
            mode: settings.mode.as_str(),
            currency: settings.currency,
            account: account.body(),
            capabilities: account.capabilities(&settings),
            plans: offers.iter().map(plan).collect(),
            publishable_key: settings.publishable_key,
        }
    }
}

fn usage(metered: &Metered, currency: Currency) -> Usage {
    Usage {
        meter: metered.meter.clone(),
        unit: metered.unit.clone(),
        included: exact(metered.included),
        unit_amount: unit_price(metered.unit_amount, currency),
    }
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};
    use shared::billing::catalog::Tiers;
    use shared::stripe::views::Subscription;

    use super::*;

    fn caller(scope: Scope, customer: Option<&str>) -> Caller {
        let account = shared::aws::table::Account {
            id: "acc_1".to_owned(),
            handle: "acme".to_owned(),
            parent: None,
            customer: customer.map(str::to_owned),
            created_at: 0.try_into().expect("a moment"),
        };
        Caller { account, scope, key_id: "key_1".to_owned(), own_account: "acc_1".to_owned() }
    }

    fn customer(change: &Value) -> Customer {
        view(with(json!({ "id": "cus_1", "currency": "eur" }), change))
    }

    fn subscription(interval: &str, change: &Value) -> Subscription {
        let recurring = json!({ "recurring": { "interval": interval, "interval_count": 1, "usage_type": "licensed" } });
        let price = with(fixtures::price("price_1", "prod_pro", "licensed"), &recurring);
        let items = [fixtures::item("si_1", &price)];
        view(with(fixtures::subscription("sub_1", "active", &items), change))
    }

    fn offer(tier: &str, interval: Interval, minor: i64) -> Offer {
        let usd = "usd".parse().expect("a currency");
        let cpu = Metered {
            price: "price_cpu".to_owned(),
            meter: "cpu".to_owned(),
            unit: Some("vCore-hour".to_owned()),
            included: 100.into(),
            unit_amount: "1.2".parse().expect("a decimal"),
        };
        Offer {
            price: "price_1".to_owned(),
            tier: tier.to_owned(),
            name: tier.to_uppercase(),
            description: None,
            interval,
            amount: Money::new(minor, usd),
            metered: vec![cpu],
        }
    }

    fn info(caller: &Caller, customer: Option<&Customer>, subscriptions: &[Subscription]) -> Value {
        let pro = view(fixtures::product("prod_pro", "pro"));
        let tiers = Tiers::from_iter(&[pro]);
        let account = Account::of(caller, customer, Current::of(subscriptions, &tiers));
        let settings = Settings {
            mode: Mode::Test,
            publishable_key: Some("pk_test_1".to_owned()),
            currency: "usd".parse().expect("a currency"),
            has_pages: true,
            has_portal: true,
        };
        let offers = [
            offer("hobby", Interval::Month, 0),
            offer("pro", Interval::Month, 3_500),
            offer("pro", Interval::Year, 35_000),
        ];
        serde_json::to_value(Info::of(settings, &account, &offers)).expect("serialises")
    }

    #[test]
    fn subscriber_with_an_admin_key_has_all_fields() {
        let customer =
            customer(&json!({ "invoice_settings": { "default_payment_method": "pm_1" } }));
        let plan = |plan: &str, name: &str, interval: &str, amount: &str, current: bool| {
            json!({
                "plan": plan, "name": name, "description": null, "interval": interval, "currency": "USD", "amount": amount,
                "metered": [{ "meter": "cpu", "unit": "vCore-hour", "included": "100", "unitAmount": "0.012" }], "current": current,
            })
        };
        let expected = json!({
            "provider": "stripe", "mode": "test", "publishableKey": "pk_test_1", "currency": "USD",
            "account": { "id": "acc_1", "handle": "acme", "hasCustomer": true, "hasSubscription": true, "hasPaymentMethod": true },
            "capabilities": { "checkout": false, "embeddedCheckout": false, "portal": true, "planChange": true },
            "plans": [
                plan("hobby", "HOBBY", "month", "0.00", false), plan("pro", "PRO", "month", "35.00", false), plan("pro", "PRO", "year", "350.00", true),
            ],
        });
        let got = info(
            &caller(Scope::Admin, Some("cus_1")),
            Some(&customer),
            &[subscription("year", &json!({}))],
        );
        assert_eq!(got, expected);
    }

    #[test]
    fn capabilities_depend_on_scope_and_subscription() {
        let ending = subscription("month", &json!({ "cancel_at_period_end": true }));
        let live = subscription("month", &json!({}));
        let ended = subscription("month", &json!({ "status": "canceled" }));
        // checkout, embedded checkout, portal, plan change
        let cases = [
            (Scope::Admin, vec![], [true, true, true, false]),
            (Scope::Admin, vec![ended.clone()], [true, true, true, false]),
            (Scope::Admin, vec![live.clone()], [false, false, true, true]),
            (Scope::Admin, vec![ending], [false, false, true, false]),
            (Scope::Deploy, vec![live], [false; 4]),
            (Scope::Read, vec![ended], [false; 4]),
        ];
        for (scope, subscriptions, [checkout, embedded, portal, change]) in cases {
            let got =
                info(&caller(scope, Some("cus_1")), Some(&customer(&json!({}))), &subscriptions);
            let expected = json!({ "checkout": checkout, "embeddedCheckout": embedded, "portal": portal, "planChange": change });
            assert_eq!(got["capabilities"], expected, "{scope}");
        }
    }

    #[test]
    fn portal_capability_needs_a_configuration() {
        let caller = caller(Scope::Admin, None);
        let settings = |has_portal| Settings {
            mode: Mode::Test,
            publishable_key: None,
            currency: "usd".parse().expect("a currency"),
            has_pages: true,
            has_portal,
        };
        let account = Account::of(&caller, None, None);
        assert!(account.capabilities(&settings(true)).portal);
        assert!(!account.capabilities(&settings(false)).portal);
    }

    #[test]
    fn monthly_hobby_plan_is_current_without_a_subscription() {
        let got = info(&caller(Scope::Read, None), None, &[]);
        let current: Vec<_> = got["plans"]
            .as_array()
            .expect("plans")
            .iter()
            .map(|plan| plan["current"].clone())
            .collect();
        assert_eq!(json!(current), json!([true, false, false]));
        assert_eq!(
            got["account"],
            json!({ "id": "acc_1", "handle": "acme", "hasCustomer": false, "hasSubscription": false, "hasPaymentMethod": false })
        );
    }

    #[test]
    fn default_payment_method_is_found_in_each_place() {
        let none = json!({});
        let cases = [
            (none.clone(), none.clone(), false),
            (json!({ "default_payment_method": "pm_1" }), none.clone(), true),
            (json!({ "default_source": "card_1" }), none.clone(), true),
            (
                none.clone(),
                json!({ "invoice_settings": { "default_payment_method": null } }),
                false,
            ),
            (
                none.clone(),
                json!({ "invoice_settings": { "default_payment_method": { "id": "pm_1" } } }),
                true,
            ),
            (none, json!({ "default_source": "card_1" }), true),
        ];
        for (on_subscription, on_customer, expected) in cases {
            let subscriptions = [subscription("month", &on_subscription)];
            let got = info(
                &caller(Scope::Read, Some("cus_1")),
                Some(&customer(&on_customer)),
                &subscriptions,
            );
            assert_eq!(
                got["account"]["hasPaymentMethod"], expected,
                "{on_subscription} {on_customer}"
            );
        }
    }
}
