//! Stripe's HTTP protocol: keys, errors, expansion, idempotency, locks and limits. Also the admin
//! endpoints, fault injection and the server.

pub mod admin;
pub mod auth;
pub mod body;
pub mod connections;
pub mod dispatch;
pub mod exchange;
pub mod expand;
pub mod expand_graph;
pub mod fault_response;
pub mod faults;
pub mod idempotency;
pub mod limits;
pub mod locks;
pub mod log;
pub mod mask;
pub mod page_handler;
pub mod populate;
pub mod requests_page;
pub mod respond;
pub mod serve;
pub mod server;
pub mod snapshot;
pub mod state;
