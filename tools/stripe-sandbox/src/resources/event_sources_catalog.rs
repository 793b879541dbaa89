//! Events of the catalog, settings, test clocks, customers and payment methods.

use serde_json::Value;

use super::event_sources::{CREATED, Context, DELETED, Source, UPDATED};
use super::{
    coupons, customer_json, meters, payment_method_json, portal_configurations, portal_sessions,
    price_json, products, promotion_codes, tax_rates, test_clocks,
};
use crate::model::catalog::{Coupon, Meter, Price, Product, PromotionCode, TaxRate};
use crate::model::customer::{Customer, PaymentMethod, TestClock};
use crate::model::portal;
use crate::world::World;

impl Source for Product {
    const NOUN: &'static str = "product";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED, DELETED];

    fn json(&self, _: &World) -> Value {
        products::to_json(self)
    }
}

impl Source for Price {
    const NOUN: &'static str = "price";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];

    fn json(&self, _: &World) -> Value {
        price_json::to_json(self)
    }
}

/// Legacy plan of a recurring price.
pub struct Plan<'a>(pub &'a Price);

impl Source for Plan<'_> {
    const NOUN: &'static str = "plan";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];

    fn json(&self, _: &World) -> Value {
        price_json::plan(self.0)
    }
}

impl Source for Meter {
    const NOUN: &'static str = "billing.meter";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];
    const QUIET: &'static [&'static str] = &["status", "status_transitions", "updated"];

    fn json(&self, _: &World) -> Value {
        meters::to_json(self)
    }

    fn transitions(&self, before: Option<&Meter>, _: &Context<'_>) -> Vec<&'static str> {
        match (before.map(|before| before.active), self.active) {
            (Some(true), false) => vec!["deactivated"],
            (Some(false), true) => vec!["reactivated"],
            _ => Vec::new(),
        }
    }
}

impl Source for TaxRate {
    const NOUN: &'static str = "tax_rate";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];

    fn json(&self, _: &World) -> Value {
        tax_rates::to_json(self)
    }
}

impl Source for Coupon {
    const NOUN: &'static str = "coupon";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED, DELETED];
    const QUIET: &'static [&'static str] = &["times_redeemed", "valid"];

    fn json(&self, world: &World) -> Value {
        coupons::to_json(self, world.now(None))
    }

    fn is_gone(&self) -> bool {
        self.deleted
    }
}

impl Source for PromotionCode {
    const NOUN: &'static str = "promotion_code";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];
    const QUIET: &'static [&'static str] = &["times_redeemed"];

    fn json(&self, world: &World) -> Value {
        promotion_codes::to_json(world, self)
    }
}

impl Source for portal::Configuration {
    const NOUN: &'static str = "billing_portal.configuration";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED];

    fn json(&self, _: &World) -> Value {
        portal_configurations::to_json(self)
    }
}

impl Source for portal::Session {
    const NOUN: &'static str = "billing_portal.session";
    const LIFE: &'static [&'static str] = &[CREATED];

    fn json(&self, world: &World) -> Value {
        portal_sessions::to_json(world, self)
    }
}

impl Source for TestClock {
    const NOUN: &'static str = "test_helpers.test_clock";
    const LIFE: &'static [&'static str] = &[CREATED, DELETED];

    fn json(&self, _: &World) -> Value {
        test_clocks::to_json(self)
    }

    fn transitions(&self, before: Option<&TestClock>, _: &Context<'_>) -> Vec<&'static str> {
        match (before.and_then(|before| before.target), self.target) {
            (None, Some(_)) => vec!["advancing"],
            (Some(_), None) => vec!["ready"],
            _ => Vec::new(),
        }
    }
}

impl Source for Customer {
    const NOUN: &'static str = "customer";
    const LIFE: &'static [&'static str] = &[CREATED, UPDATED, DELETED];

    /// Returns the complete object, which `customer.deleted` contains too.
    fn json(&self, _: &World) -> Value {
        customer_json::to_json(&Customer { deleted: false, ..self.clone() })
    }

    fn is_gone(&self) -> bool {
        self.deleted
    }
}

impl Source for PaymentMethod {
    const NOUN: &'static str = "payment_method";
    const LIFE: &'static [&'static str] = &[UPDATED];
    const QUIET: &'static [&'static str] = &["customer"];

    fn json(&self, _: &World) -> Value {
        payment_method_json::to_json(self)
    }

    fn transitions(&self, before: Option<&PaymentMethod>, _: &Context<'_>) -> Vec<&'static str> {
        match (before.and_then(|before| before.customer.as_ref()), &self.customer) {
            (None, Some(_)) => vec!["attached"],
            (Some(_), None) => vec!["detached"],
            _ => Vec::new(),
        }
    }
}
