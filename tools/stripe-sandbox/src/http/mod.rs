//! Stripe's protocol: keys, forms, errors, expansion, pages and idempotency, over HTTP.

pub mod admin;
pub mod auth;
pub mod body;
pub mod call;
pub mod connections;
pub mod dispatch;
pub mod errors;
pub mod expand;
pub mod failing;
pub mod faults;
pub mod form;
pub mod graph;
pub mod idempotency;
pub mod limits;
pub mod locks;
pub mod log;
pub mod mask;
pub mod page;
pub mod pages;
pub mod params;
pub mod populate;
pub mod server;
pub mod shared;
