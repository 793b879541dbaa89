//! Stripe's protocol: keys, forms, errors, expansion, pages and idempotency, over HTTP.

pub mod admin;
pub mod auth;
pub mod call;
pub mod dispatch;
pub mod errors;
pub mod expand;
pub mod faults;
pub mod form;
pub mod graph;
pub mod idempotency;
pub mod log;
pub mod page;
pub mod pages;
pub mod params;
pub mod server;
