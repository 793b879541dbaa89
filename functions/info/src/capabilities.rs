//! Capabilities: the calls that would be accepted now. No I/O.

use serde::Serialize;
use shared::Scope;
use shared::billing::plan_change::{Change, ChangeLimits, Effective};
use shared::billing::state::BillingState;
use shared::stripe::views::{Customer, SubscriptionStatus};
use shared::values::Mode;

/// Settings of the stack and its Stripe account.
pub struct Settings {
    pub mode: Mode,
    pub publishable_key: Option<String>,
    /// Whether any return URL is allowed.
    pub has_pages: bool,
    /// Whether Stripe would open the Billing Portal.
    pub has_portal: bool,
    pub limits: ChangeLimits,
}

/// Calls that would be accepted now, for this account, key, customer and payment method.
#[expect(clippy::struct_excessive_bools, reason = "the contract has four")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    checkout: bool,
    embedded_checkout: bool,
    portal: bool,
    plan_change: bool,
}

impl Capabilities {
    /// Decides for a key's scope.
    pub fn of(scope: Scope, settings: &Settings, billing: &BillingState) -> Self {
        let is_admin = scope >= Scope::Admin;
        let is_sold = settings.has_pages && !billing.offers.is_empty();
        let checkout = is_admin && is_sold && billing.current().is_none();
        Self {
            checkout,
            // The embedding page needs the publishable key.
            embedded_checkout: checkout && settings.publishable_key.is_some(),
            portal: is_admin && settings.has_portal,
            plan_change: is_admin && can_change(billing, settings.limits),
        }
    }
}

/// Returns whether a plan change would be accepted: the subscription and the operator's limits allow one to an offered
/// plan, its tax can be computed, and a payment method can pay for it. During a trial nothing is charged.
fn can_change(billing: &BillingState, limits: ChangeLimits) -> bool {
    let Some(current) = billing.current() else { return false };
    let is_possible = |to, effective| {
        let (payment, tiers) = (&billing.payment, &billing.tiers);
        Change::of(Some(&current), payment, tiers, to, limits, effective).is_ok()
    };
    let has_target = billing
        .offers
        .iter()
        .any(|to| is_possible(to, Effective::Now) || is_possible(to, Effective::PeriodEnd));
    let is_taxed = current.subscription.automatic_tax.as_ref().is_some_and(|tax| tax.enabled);
    let lacks_address = billing.customer.as_ref().is_some_and(Customer::lacks_tax_location);
    let is_trial = current.subscription.status == SubscriptionStatus::Trialing;
    has_target && !(is_taxed && lacks_address) && (is_trial || billing.payment_method().is_some())
}

#[cfg(test)]
mod tests {
    use fixtures::with;
    use serde_json::{Value, json};
    use shared::Timestamp;
    use shared::billing::payment::Payment;

    use super::*;
    use crate::fixtures::{SETTINGS, billing, subscription};

    fn capabilities(scope: Scope, settings: &Settings, billing: &BillingState) -> [bool; 4] {
        let it = Capabilities::of(scope, settings, billing);
        [it.checkout, it.embedded_checkout, it.portal, it.plan_change]
    }

    #[test]
    fn capabilities_depend_on_scope_subscription_and_payment_method() {
        let none = json!({});
        let card = json!({ "invoice_settings": { "default_payment_method": "pm_1" } });
        let homeless =
            with(card.clone(), &json!({ "tax": { "automatic_tax": "unrecognized_location" } }));
        let change = |change: Value| vec![subscription(&change)];
        let ended = || change(json!({ "status": "canceled" }));
        // checkout, embedded checkout, portal, plan change
        let cases = [
            (Scope::Admin, None, vec![], [true, true, true, false]),
            (Scope::Admin, Some(&card), vec![], [true, true, true, false]),
            (Scope::Admin, Some(&card), ended(), [true, true, true, false]),
            (Scope::Admin, Some(&card), change(none.clone()), [false, false, true, true]),
            (Scope::Admin, Some(&none), change(none.clone()), [false, false, true, false]),
            (
                Scope::Admin,
                Some(&none),
                change(json!({ "status": "trialing" })),
                [false, false, true, true],
            ),
            (
                Scope::Admin,
                Some(&none),
                change(json!({ "default_payment_method": "pm_1" })),
                [false, false, true, true],
            ),
            (
                Scope::Admin,
                Some(&card),
                change(json!({ "cancel_at_period_end": true })),
                [false, false, true, false],
            ),
            (Scope::Admin, Some(&homeless), change(json!({})), [false, false, true, true]),
            (
                Scope::Admin,
                Some(&homeless),
                change(json!({ "automatic_tax": { "enabled": true } })),
                [false, false, true, false],
            ),
            (Scope::Deploy, Some(&card), change(none.clone()), [false; 4]),
            (Scope::Read, Some(&card), ended(), [false; 4]),
        ];
        for (scope, customer, subscriptions, expected) in cases {
            let name = format!("{scope} {customer:?} {subscriptions:?}");
            let got = capabilities(scope, &SETTINGS(), &billing(customer, subscriptions));
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn processing_payment_and_missing_settings_take_capabilities_away() {
        let card = json!({ "invoice_settings": { "default_payment_method": "pm_1" } });
        let mut processing = billing(Some(&card), vec![subscription(&json!({}))]);
        processing.payment = Payment::Processing { since: Timestamp::now() };
        assert_eq!(
            capabilities(Scope::Admin, &SETTINGS(), &processing),
            [false, false, true, false]
        );
        let fresh = billing(None, vec![]);
        let without = |change: fn(&mut Settings)| {
            let mut settings = SETTINGS();
            change(&mut settings);
            capabilities(Scope::Admin, &settings, &fresh)
        };
        assert_eq!(without(|it| it.has_portal = false), [true, true, false, false]);
        assert_eq!(without(|it| it.has_pages = false), [false, false, true, false]);
        assert_eq!(without(|it| it.publishable_key = None), [true, false, true, false]);
        let unsold = BillingState { offers: vec![], ..fresh };
        assert_eq!(capabilities(Scope::Admin, &SETTINGS(), &unsold), [false, false, true, false]);
    }
}
