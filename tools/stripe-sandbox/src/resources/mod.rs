//! Stripe's resources: endpoints, parameters and JSON objects.

use serde_json::Value;

use crate::endpoint::call::Endpoint;
use crate::world::World;

mod add_invoice_items_params;
mod balance_transactions;
mod charge_json;
mod checkout_create;
pub mod checkout_json;
mod checkout_sessions;
pub mod checkout_urls;
mod coupons;
mod customer_json;
mod customers;
pub mod event_derive;
mod event_diff;
mod event_sources;
mod event_sources_billing;
mod event_sources_catalog;
mod events;
mod invoice_create;
mod invoice_items;
mod invoice_json;
mod invoice_lines_json;
mod invoice_payments;
pub mod invoices;
mod json;
mod locales;
mod meter_events;
mod meter_summaries;
mod meters;
mod next_action_json;
pub mod payment_intents;
pub mod payment_method_json;
pub mod payment_methods;
pub mod portal_configurations;
mod portal_sessions;
mod preview;
mod preview_schedule;
mod price_json;
mod prices;
mod products;
mod promotion_codes;
mod schedule_phases;
mod subscription_create;
mod subscription_items;
mod subscription_json;
mod subscription_params;
mod subscription_pause;
mod subscription_schedule_json;
mod subscription_schedules;
mod subscription_update;
mod subscriptions;
mod tax_rates;
mod test_clocks;

const ALL: &[&[Endpoint]] = &[
    products::ENDPOINTS,
    prices::ENDPOINTS,
    meters::ENDPOINTS,
    meter_summaries::ENDPOINTS,
    meter_events::ENDPOINTS,
    coupons::ENDPOINTS,
    promotion_codes::ENDPOINTS,
    tax_rates::ENDPOINTS,
    customers::ENDPOINTS,
    balance_transactions::ENDPOINTS,
    payment_methods::ENDPOINTS,
    subscriptions::ENDPOINTS,
    subscription_items::ENDPOINTS,
    subscription_schedules::ENDPOINTS,
    preview::ENDPOINTS,
    invoices::ENDPOINTS,
    invoice_items::ENDPOINTS,
    invoice_payments::ENDPOINTS,
    payment_intents::ENDPOINTS,
    checkout_sessions::ENDPOINTS,
    portal_configurations::ENDPOINTS,
    portal_sessions::ENDPOINTS,
    test_clocks::ENDPOINTS,
    events::ENDPOINTS,
];

pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    ALL.iter().copied().flatten()
}

/// Returns the JSON of the object of type `kind`.
pub fn render(world: &World, kind: &str, id: &str) -> Option<Value> {
    Some(match kind {
        "billing_portal.configuration" => {
            portal_configurations::to_json(world.portal_configurations.get(id)?)
        }
        "coupon" => coupons::to_json(world.coupons.get(id)?, world.now(None)),
        "customer" => customer_json::to_json(world.customers.get(id)?),
        "discount" => coupons::discount_to_json(world.discounts.get(id)?),
        "invoice" => invoice_json::to_json(world, world.invoices().get(id)?),
        "payment_intent" => payment_intents::to_json(world, world.payment_intents().get(id)?),
        "payment_method" => payment_method_json::to_json(world.payment_methods.get(id)?),
        "price" => price_json::to_json(world.prices.get(id)?),
        "product" => products::to_json(world.products.get(id)?),
        "promotion_code" => promotion_codes::to_json(world, world.promotion_codes.get(id)?),
        "plan" => price_json::plan(world.prices.get(id)?),
        "subscription" => subscription_json::to_json(world, world.subscriptions().get(id)?),
        "subscription_schedule" => {
            subscription_schedule_json::to_json(world, world.schedules().get(id)?)
        }
        "tax_rate" => tax_rates::to_json(world.tax_rates.get(id)?),
        "test_helpers.test_clock" => test_clocks::to_json(world.test_clocks.get(id)?),
        _ => return None,
    })
}

/// Returns a field that is included only on request.
pub fn include(world: &World, kind: &str, id: &str, path: &[&str]) -> Option<Value> {
    Some(match (kind, path) {
        ("checkout.session", ["line_items"]) => checkout_json::line_items(world, id)?,
        ("coupon", ["applies_to"]) => coupons::applies_to(world.coupons.get(id)?)?,
        ("coupon", ["currency_options"]) => coupons::currency_options(world.coupons.get(id)?)?,
        ("customer", ["subscriptions"]) => customer_json::subscriptions(world, id),
        ("customer", ["tax"]) => customer_json::tax_to_json(world.customers.get(id)?),
        ("invoice", ["confirmation_secret"]) => payment_intents::confirmation_secret(world, id),
        ("invoice", ["payments"]) => invoice_payments::of_invoice(world, id),
        ("item", ["discounts"]) => checkout_json::line_discounts(world, id)?,
        ("item", ["taxes"]) => checkout_json::line_taxes(world, id)?,
        ("price", ["tiers"]) => price_json::tiers(world.prices.get(id)?)?,
        ("price", ["currency_options"]) => price_json::currency_options(world.prices.get(id)?),
        ("price", ["currency_options", currency, "tiers"]) => {
            price_json::currency_tiers(world.prices.get(id)?, currency)?
        }
        _ => return None,
    })
}
