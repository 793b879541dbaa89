//! Fixtures of the billing state.

use fixtures::{view, with};
use serde_json::Value;
use shared::billing::catalog::Tiers;
use shared::billing::payment::Payment;
use shared::billing::plan_change::ChangeLimits;
use shared::billing::state::BillingState;
use shared::stripe::views::{Interval, Subscription};
use shared::values::Mode;

use crate::capabilities::Settings;

pub const SETTINGS: fn() -> Settings = || Settings {
    mode: Mode::Test,
    publishable_key: Some("pk_test_1".to_owned()),
    has_pages: true,
    has_portal: true,
    limits: ChangeLimits::default(),
};

/// Returns an active subscription to pro.
pub fn subscription(change: &Value) -> Subscription {
    let items = fixtures::items(&[("prod_pro", "licensed")]);
    view(with(fixtures::subscription("sub_1", "active", &items), change))
}

/// Returns the state of a customer with the fields of `customer`, or of none.
pub fn billing(customer: Option<&Value>, subscriptions: Vec<Subscription>) -> BillingState {
    let pro = view(fixtures::product("prod_pro", "pro"));
    let customer = customer.map(|change| view(with(fixtures::customer("cus_1"), change)));
    BillingState {
        customer,
        subscriptions,
        tiers: Tiers::from_iter(&[pro]),
        offers: vec![crate::plans::tests::offer("agency", Interval::Month, 9_900, &[])],
        currency: "usd".parse().expect("a currency"),
        payment: Payment::None,
    }
}
