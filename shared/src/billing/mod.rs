//! Billing: catalog, subscriptions, plan changes. Decisions are pure functions; reads take a
//! [`crate::stripe::Stripe`]. Nothing here knows HTTP, AWS or Lambda.

pub mod breakdown;
pub mod catalog;
pub mod customer;
pub mod invoice;
pub mod invoice_entry;
pub mod line_prices;
pub mod payment;
pub mod payment_method;
pub mod plan_change;
pub mod price;
pub mod schedule;
pub mod state;
pub mod subscription;
