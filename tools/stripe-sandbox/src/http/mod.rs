//! Stripe's protocol: keys, forms, errors, expansion, pages and idempotency, over HTTP.

pub mod admin;
pub mod auth;
pub mod body;
pub mod connections;
pub mod dispatch;
pub mod exchange;
pub mod expand;
pub mod failing;
pub mod faults;
pub mod graph;
pub mod idempotency;
pub mod limits;
pub mod locks;
pub mod log;
pub mod mask;
pub mod pages;
pub mod populate;
pub mod requests_page;
pub mod respond;
pub mod serve;
pub mod server;
pub mod shared;
pub mod snapshot;
