//! The HTTP API: API Gateway events in and out, bodies, queries, URLs, errors, idempotency.

pub(crate) mod accept;
pub mod body;
pub mod error;
pub mod event;
mod freshness;
pub mod idempotency;
pub mod query;
pub mod reply;
pub mod timing;
pub mod urls;
